//! Box syntax (14496-12), no policy: one file a box.
