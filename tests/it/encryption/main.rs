//! What goes out encrypted comes out of other people's decryptors as it was published, bit for bit.
//! What this finds is the README's second table.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

extern crate alloc;

mod goldens;
mod lists;
mod mp4;
mod plans;
mod sample_aes;
mod whole;

use alloc::collections::BTreeSet;
use core::fmt::Write as _;
use std::sync::{Mutex, OnceLock};

use selvedge_core::codec::{Carrier, Family, TABLE};
use selvedge_tests::decryptors::Decryptor;
use selvedge_tests::film::{Film, films};
use selvedge_tests::tools;

/// Published once for all tests.
fn all() -> &'static [Film] {
    static FILMS: OnceLock<Vec<Film>> = OnceLock::new();
    FILMS.get_or_init(films)
}

/// A way to go out encrypted: a column of the README's table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Way {
    Cenc,
    CencLonger,
    Cbcs,
    SmoothCenc,
    Piff,
    SampleAes,
    PackedSampleAes,
    Whole,
}

use Decryptor::{Bento4, Ffmpeg, Openssl, Packager};

/// Each with its title and who is asked.
const WAYS: [(Way, &str, &[Decryptor]); 8] = [
    (Way::Cenc, "`cenc`, CMAF", &[Packager, Bento4, Ffmpeg]),
    (Way::CencLonger, "`cenc` by vectors of 16 bytes, CMAF", &[Packager, Bento4, Ffmpeg]),
    (Way::Cbcs, "`cbcs`, CMAF", &[Packager, Bento4, Ffmpeg]),
    (Way::SmoothCenc, "`cenc`, Smooth Streaming", &[Packager, Bento4, Ffmpeg]),
    (Way::Piff, "`piff`, Smooth Streaming", &[Packager, Bento4, Ffmpeg]),
    (Way::SampleAes, "SAMPLE-AES, transport streams", &[Packager, Ffmpeg]),
    (Way::PackedSampleAes, "SAMPLE-AES, packed audio", &[Packager, Ffmpeg, Openssl]),
    (Way::Whole, "AES-128", &[Openssl, Ffmpeg]),
];

/// Who cannot read what, and why. A row that is not needed any more fails.
const CANNOT: &[(Decryptor, &[Way], &[Family], &str)] = &[
    (Packager, &[Way::Piff], ALL, "it knows no `uuid` boxes: `cenc` has the same bytes"),
    (Ffmpeg, &[Way::Piff], ALL, "it knows no `uuid` boxes: `cenc` has the same bytes"),
    (Packager, &[Way::Cenc, Way::CencLonger, Way::Cbcs], &[Family::Mp3], "it has no MP3 in MP4"),
    (
        Ffmpeg,
        &[Way::Cenc, Way::CencLonger, Way::Cbcs],
        &[Family::XheAac],
        "5.1 knows no USAC in MP4",
    ),
    (Ffmpeg, &[Way::PackedSampleAes], AC_3, "5.1 reads such files by the kilobyte, not by frames"),
    (Openssl, &[Way::PackedSampleAes], &[Family::Aac], "ffmpeg can, so nobody shows it the frames"),
];

const SAMPLED: &[Family] = &[Family::Avc, Family::Aac, Family::Ac3, Family::Eac3];
const AC_3: &[Family] = &[Family::Ac3, Family::Eac3];
const ALL: &[Family] = &[Family::Avc, Family::Hevc, Family::Aac, Family::Eac3];

impl Way {
    /// `family` goes out so.
    fn carries(self, family: Family) -> bool {
        match self {
            Self::Cenc | Self::CencLonger | Self::Cbcs | Self::Whole => {
                family.goes_into(Carrier::Cmaf)
            }
            Self::SmoothCenc | Self::Piff => family.goes_into(Carrier::Smooth),
            // SAMPLE-AES has no words for others.
            Self::SampleAes | Self::PackedSampleAes if !SAMPLED.contains(&family) => false,
            Self::SampleAes => family.goes_into(Carrier::TransportStream),
            Self::PackedSampleAes => family.goes_into(Carrier::PackedAudio),
        }
    }

    fn title(self) -> &'static str {
        WAYS.iter().find(|(way, ..)| *way == self).unwrap().1
    }
}

fn cannot(decryptor: Decryptor, way: Way, family: Family) -> bool {
    CANNOT.iter().any(|(who, ways, families, _)| {
        *who == decryptor && ways.contains(&way) && families.contains(&family)
    })
}

/// The README's table: who gives back what was published.
fn table() -> String {
    let mut table = String::from("| |");
    WAYS.iter().for_each(|(_, title, _)| write!(table, " {title} |").unwrap());
    table.push_str("\n|---|---|---|---|---|---|---|---|---|\n");
    for (family, _) in TABLE {
        write!(table, "| {} |", family.words()).unwrap();
        for (way, _, decryptors) in WAYS {
            let can = decryptors.iter().filter(|one| !cannot(**one, way, family));
            let names: Vec<_> = can.map(|one| one.name()).collect();
            let cell = if way.carries(family) { names.join(", ") } else { "–".into() };
            write!(table, " {cell} |").unwrap();
        }
        table.push('\n');
    }
    table
}

#[test]
fn the_readme_says_who_decrypts_what() {
    let readme = std::fs::read_to_string(tools::repository().join("README.md")).unwrap();
    let table = table();
    assert!(readme.contains(&table), "README.md has another table than this:\n{table}");
}

/// Cells that were looked into. Of each has to hold what the table says.
#[derive(Default)]
struct Findings(Mutex<BTreeSet<(Decryptor, Way, &'static str)>>);

impl Findings {
    /// Keeps the outcome of one try; a fault where it is not what the table says.
    fn keep(
        &self,
        (decryptor, way, family): (Decryptor, Way, Family),
        found: Result<(), String>,
    ) -> Result<(), String> {
        let of = format!("{} {} {}", decryptor.name(), way.title(), family.words());
        match (found, cannot(decryptor, way, family)) {
            (Ok(()), true) => {
                return Err(format!("{of}: can, and is listed among those that cannot"));
            }
            (Err(fault), false) => return Err(format!("{of}: {fault}")),
            (Ok(()), false) | (Err(_), true) => {}
        }
        self.0.lock().unwrap().insert((decryptor, way, family.words()));
        Ok(())
    }

    /// No cell of `ways` was passed over that media could be made for here.
    fn complete(&self, ways: &[Way]) {
        let found = self.0.lock().unwrap();
        let families: BTreeSet<_> = all()
            .iter()
            .flat_map(|film| &film.families)
            .collect::<Vec<_>>()
            .into_iter()
            .map(|family| family.words())
            .collect();
        for (way, _, decryptors) in WAYS.iter().filter(|(way, ..)| ways.contains(way)) {
            for (family, _) in TABLE.iter().filter(|(family, _)| way.carries(*family)) {
                for decryptor in decryptors.iter().filter(|one| one.is_here()) {
                    let cell = (*decryptor, *way, family.words());
                    let expected = families.contains(family.words());
                    assert!(!expected || found.contains(&cell), "{cell:?} was not looked into");
                }
            }
        }
    }
}
