//! What ffmpeg's own parser reads of slice headers.

use std::path::Path;

use crate::media::tool;

/// What ffmpeg's `trace_headers` filter read of one packet.
#[derive(Debug, Default)]
pub(crate) struct Traced {
    /// Bits of every slice header, NAL unit header included, emulation prevention left out.
    pub(crate) slices: Vec<u64>,
    /// Why it gave up, if it did.
    pub(crate) complaint: Option<String>,
}

/// The packets of the first video track.
pub(crate) fn trace(file: &Path) -> Vec<Traced> {
    let file = file.to_str().unwrap();
    let input = ["-nostats", "-i", file, "-map", "0:v:0", "-c", "copy"];
    let output = ["-bsf:v", "trace_headers", "-f", "null", "-"];
    let text = tool("ffmpeg", &[&input[..], &output[..]].concat());
    let mut packets: Vec<Traced> = Vec::new();
    let mut in_slice = false;
    for line in text.lines() {
        let line = line.strip_prefix("[trace_headers").and_then(|line| line.split_once("] "));
        let line = line.map_or("", |(_, rest)| rest);
        if line.starts_with("Packet: ") {
            packets.push(Traced::default());
        }
        let Some(packet) = packets.last_mut() else { continue };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [position, name, bits, "=", _] => {
                // Alignment belongs to slice data in AVC.
                if in_slice && *name != "cabac_alignment_one_bit" {
                    let end = position.parse::<u64>().unwrap() + u64::try_from(bits.len()).unwrap();
                    *packet.slices.last_mut().unwrap() = end;
                }
            }
            ["Slice", "Header"] | ["Slice", "Segment", "Header"] => {
                in_slice = true;
                packet.slices.push(0);
            }
            _ => {
                in_slice = false;
                let title = line.is_empty() || line.starts_with("Packet: ") || is_title(line);
                if !title && packet.complaint.is_none() {
                    packet.complaint = Some(line.to_owned());
                }
            }
        }
    }
    packets
}

/// Titles of syntax structures are capitalised words; complaints are sentences.
fn is_title(line: &str) -> bool {
    let capital = |word: &str| word.starts_with(|c: char| c.is_ascii_uppercase() || c == '(');
    line.split_whitespace().all(|word| capital(word) || word == "of" || word == "set")
}

/// Bytes of the NAL unit that hold its first `bits` bits and the emulation prevention among them.
pub(crate) fn stored_bytes(nal: &[u8], bits: u64) -> usize {
    let mut wanted = usize::try_from(bits.div_ceil(8)).unwrap();
    let mut zeros = 0;
    for (at, &byte) in nal.iter().enumerate() {
        if wanted == 0 {
            return at;
        }
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        wanted -= 1;
    }
    nal.len()
}
