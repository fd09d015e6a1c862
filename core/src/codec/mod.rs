//! Codecs.  In: sample entries and samples.  Out: what manifests, init segments and encryption
//! need to know of them. Knows nothing of files, fragments or protocols.
