//! Anything stored, as text.  In: a file, standard input or an object.  Out: a box tree, the pages
//! of an index, or the document itself. Never reads the media of a movie.

use bytes::Bytes;
use selvedge_core::index::{self, MAGIC};
use selvedge_core::mp4::{self, HEADER_MAX, Header};

use crate::failure::Failure;
use crate::publish::Input;

/// Largest box, index or document read.
const LARGEST: u64 = 256 << 20;

/// Bytes looked at to tell what it is.
const LOOK: u64 = 4096;

/// Boxes a file, a segment or an initialization segment begins with.
const FIRST: [&[u8; 4]; 13] = [
    b"ftyp", b"styp", b"moov", b"moof", b"sidx", b"mdat", b"free", b"skip", b"wide", b"emsg",
    b"prft", b"uuid", b"pdin",
];

/// `input` as text; `name` serves failures alone. Calls `print` with one stretch after another.
///
/// # Errors
/// Where it cannot be read, or is nothing we know.
pub async fn inspect(
    name: &str,
    input: &Input,
    mut print: impl FnMut(&str),
) -> Result<(), Failure> {
    let head = input.read(0..input.size().min(LOOK)).await?;
    if head.starts_with(&MAGIC) {
        let bytes = whole(name, input).await?;
        print(&index::dump(&bytes).map_err(|error| Failure::core(name, &error))?);
    } else if head.get(4..8).is_some_and(|kind| FIRST.iter().any(|first| *first == kind)) {
        boxes(name, input, print).await?;
    } else if is_text(&head) {
        let bytes = whole(name, input).await?;
        print(&String::from_utf8_lossy(&bytes));
    } else {
        return Err(Failure::new(name, "is neither MP4 nor index nor text"));
    }
    Ok(())
}

/// UTF-8 without control characters, perhaps cut in its last character.
fn is_text(head: &[u8]) -> bool {
    let valid = match core::str::from_utf8(head) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() => {
            head.get(..error.valid_up_to()).and_then(|valid| core::str::from_utf8(valid).ok())
        }
        Err(_) => None,
    };
    valid.is_some_and(|text| !text.contains(|c: char| c.is_control() && !c.is_whitespace()))
}

async fn whole(name: &str, input: &Input) -> Result<Bytes, Failure> {
    if input.size() > LARGEST {
        let size = input.size();
        return Err(Failure::new(name, format!("{size} bytes, at most {LARGEST} are shown")));
    }
    input.read(0..input.size()).await
}

/// Prints the boxes one by one; of `mdat` and of what is too large, the first line alone.
async fn boxes(name: &str, input: &Input, mut print: impl FnMut(&str)) -> Result<(), Failure> {
    let (mut at, size) = (0, input.size());
    while at < size {
        let head = input.read(at..at.saturating_add(HEADER_MAX).min(size)).await?;
        let header = match Header::parse(&head, at, size) {
            Ok(header) => header,
            Err(error) => return Err(Failure::core(name, &error)),
        };
        let long = header.kind == *b"mdat" || header.len() > LARGEST;
        let end = if long { header.body } else { header.end };
        let text = mp4::dump(&input.read(at..end.min(size)).await?, at);
        let lines = text.lines().filter(|line| !(long && line.starts_with("! cut short")));
        print(&lines.flat_map(|line| [line, "\n"]).collect::<String>());
        at = header.end;
    }
    Ok(())
}
