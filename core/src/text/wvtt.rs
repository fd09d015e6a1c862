//! WebVTT in MP4 (14496-30 §7).  In: the sample entry and samples.  Out: header and cues.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::Error;
use crate::mp4::{BoxRef, Boxes, sample_entry};
use crate::text::{Cue, PAYLOAD_BYTES, markup, settings, utf_8, webvtt};
use crate::time::Ticks;

/// `STYLE` and `REGION` blocks of the configuration box `vttC` (§7.4.1).
pub(super) fn header(entry: &BoxRef<'_>) -> Result<String, Error> {
    let Some(config) = sample_entry::children(entry).first(*b"vttC")? else {
        return Ok(String::new());
    };
    Ok(webvtt::parse(utf_8(config.body)?)?.header)
}

/// The cues of one sample, all shown during `time`.
pub(super) fn cues(time: &Range<Ticks>, sample: &[u8]) -> Result<Vec<Cue>, Error> {
    let mut cues = Vec::new();
    for found in Boxes::new(sample, 0) {
        let found = found?;
        // `vtte` says that there is none, `vtta` holds comments (§7.4.3).
        if found.kind() != *b"vttc" {
            continue;
        }
        let text = |kind: &[u8; 4]| -> Result<&str, Error> {
            found.child(*kind)?.map_or(Ok(""), |child| utf_8(child.body))
        };
        let payload = markup::sanitise(&text(b"payl")?.replace("\r\n", "\n").replace('\r', "\n"));
        if payload.len() > PAYLOAD_BYTES {
            return Err(Error::source("a cue's text is longer than 4096 bytes"));
        }
        if !payload.is_empty() && time.start < time.end {
            cues.push(Cue {
                start: time.start,
                end: time.end,
                id: webvtt::clean_id(text(b"iden")?),
                settings: settings::clean(text(b"sttg")?),
                payload,
            });
        }
    }
    Ok(cues)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::SampleReader;
    use crate::wire::Writer;

    fn sample(cues: &[(&str, &str, &str)]) -> Vec<u8> {
        let mut out = Writer::new();
        for (id, settings, payload) in cues {
            out.boxed(*b"vttc", |out| {
                out.boxed(*b"iden", |out| out.bytes(id.as_bytes()));
                out.boxed(*b"sttg", |out| out.bytes(settings.as_bytes()));
                out.boxed(*b"payl", |out| out.bytes(payload.as_bytes()));
            });
        }
        if cues.is_empty() {
            out.boxed(*b"vtte", |_| ());
        }
        out.into_vec()
    }

    fn entry() -> Vec<u8> {
        let mut out = Writer::new();
        out.boxed(*b"wvtt", |out| {
            out.bytes(&[0, 0, 0, 0, 0, 0, 0, 1]);
            out.boxed(*b"vttC", |out| out.bytes(b"WEBVTT\n\nSTYLE\n::cue{color:red}\n"));
        });
        out.into_vec()
    }

    #[test]
    fn cues_that_samples_split_are_whole_again() {
        let mut reader = SampleReader::new(&entry()).unwrap();
        let first = [("1", "line:0", "a")];
        let both = [("1", "line:0", "a"), ("", "", "<b>b")];
        reader.sample(0, 0..1000, &sample(&first));
        reader.sample(1, 1000..2000, &sample(&both));
        reader.sample(2, 2000..3000, &sample(&[]));
        reader.sample(3, 3000..4000, &sample(&first));
        reader.sample(4, 4000..5000, &[0, 0, 0, 9, b'v', b't', b't', b'c']);
        let read = reader.finish();
        assert_eq!(read.header, "STYLE\n::cue{color:red}");
        let rows: Vec<_> =
            read.cues.iter().map(|cue| (cue.start, cue.end, cue.payload.as_str())).collect();
        assert_eq!(rows, [(0, 2000, "a"), (1000, 2000, "<b>b</b>"), (3000, 4000, "a")]);
        assert_eq!(read.notes.as_slice().len(), 1);
    }
}
