//! Box syntax (14496-12), no policy: one file a box.  In: bytes in hand and where they lie.
//! Out: one struct a box. Tables stay slices of the box, so nothing is sized by a count.
//!
//! Fields a packager has no use for are passed over. Which values make sense together is for
//! [`crate::asset`] to say.
#![warn(clippy::arithmetic_side_effects)]

mod boxes;
mod dump;
pub mod sample_entry;
mod table;

mod ctts;
mod dref;
mod elng;
mod elst;
mod ftyp;
mod hdlr;
mod mdhd;
mod mehd;
mod mfhd;
mod mfro;
mod mvhd;
mod pssh;
mod sbgp;
mod sgpd;
mod sidx;
mod sinf;
mod stco;
mod stsc;
mod stsd;
mod stss;
mod stsz;
mod stts;
mod tfdt;
mod tfhd;
mod tfra;
mod tfxd;
mod tkhd;
mod trex;
mod trun;

pub use boxes::{BoxRef, Boxes, FullBox, HEADER_MAX, Header, Name, name};
pub use dump::dump;
pub use table::Table;

pub use ctts::Ctts;
pub use dref::Dref;
pub use elng::Elng;
pub use elst::{Edit, Elst};
pub use ftyp::Ftyp;
pub use hdlr::Hdlr;
pub use mdhd::Mdhd;
pub use mehd::Mehd;
pub use mfhd::Mfhd;
pub use mfro::Mfro;
pub use mvhd::Mvhd;
pub use pssh::Pssh;
pub use sbgp::Sbgp;
pub use sgpd::Sgpd;
pub use sidx::{Reference, Sidx};
pub use sinf::Sinf;
pub use stco::ChunkOffsets;
pub use stsc::{ChunkRun, Stsc};
pub use stsd::Stsd;
pub use stss::Stss;
pub use stsz::SampleSizes;
pub use stts::Stts;
pub use tfdt::Tfdt;
pub use tfhd::Tfhd;
pub use tfra::{Tfra, TfraEntry};
pub use tfxd::Tfxd;
pub use tkhd::Tkhd;
pub use trex::Trex;
pub use trun::{Trun, TrunSample, TrunSamples};
