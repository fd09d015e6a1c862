//! Track header.

use super::BoxRef;
use crate::error::Error;
use crate::wire::Reader;

/// `tkhd`, Track Header Box (14496-12 §8.3.2), in `trak`. Versions 0 and 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tkhd {
    /// `track_enabled`: flag 1.
    pub enabled: bool,
    /// `track_ID`
    pub track_id: u32,
    /// In ticks of `mvhd`; all ones where unknown.
    pub duration: u64,
    /// `alternate_group`; zero for none.
    pub alternate_group: i16,
    /// a, b, u, c, d, v, x, y, w of `matrix`; 16.16, the third column 2.30.
    pub matrix: [i32; 9],
    /// 16.16 pixels.
    pub width: u32,
    /// 16.16 pixels.
    pub height: u32,
}

impl Tkhd {
    /// Parses the box.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Source`] where it ends early.
    pub fn parse(found: &BoxRef<'_>) -> Result<Self, Error> {
        found.read("14496-12 §8.3.2", |full, reader| {
            let wide = full.version == 1;
            reader.skip(if wide { 16 } else { 8 })?; // creation_time, modification_time
            let track_id = reader.u32()?;
            reader.skip(4)?; // reserved
            let duration = if wide { reader.u64()? } else { u64::from(reader.u32()?) };
            reader.skip(10)?; // reserved, layer
            let alternate_group = reader.i16()?;
            reader.skip(4)?; // volume, reserved
            Ok(Self {
                enabled: full.flags & 1 != 0,
                track_id,
                duration,
                alternate_group,
                matrix: matrix(reader)?,
                width: reader.u32()?,
                height: reader.u32()?,
            })
        })
    }

    /// Clockwise rotation in degrees the matrix asks for: 0, 90, 180 or 270. Any other transform
    /// counts as none.
    #[must_use]
    pub const fn rotation(&self) -> u16 {
        let [a, b, _, c, d, ..] = self.matrix;
        match (a.signum(), b.signum(), c.signum(), d.signum()) {
            (0, 1, -1, 0) => 90,
            (-1, 0, 0, -1) => 180,
            (0, -1, 1, 0) => 270,
            _ => 0,
        }
    }
}

fn matrix(reader: &mut Reader<'_>) -> Result<[i32; 9], Error> {
    let mut matrix = [0; 9];
    for value in &mut matrix {
        *value = reader.i32()?;
    }
    Ok(matrix)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Writer;

    fn tkhd(version: u8, matrix: [i32; 9]) -> Tkhd {
        let mut out = Writer::new();
        out.full_box(*b"tkhd", version, 3, |out| {
            out.zeros(if version == 1 { 16 } else { 8 });
            out.u32(7);
            out.zeros(4);
            if version == 1 {
                out.u64(5)
            } else {
                out.u32(5)
            }
            out.zeros(16);
            matrix.iter().for_each(|value| out.i32(*value));
            out.u32(640 << 16);
            out.u32(360 << 16);
        });
        Tkhd::parse(&BoxRef::parse(out.as_slice(), 0).unwrap()).unwrap()
    }

    #[test]
    fn both_versions_give_the_same_track() {
        let one = 0x1_0000;
        let matrix = [one, 0, 0, 0, one, 0, 0, 0, 0x4000_0000];
        assert_eq!(tkhd(0, matrix), tkhd(1, matrix));
        let found = tkhd(1, matrix);
        assert_eq!((found.track_id, found.duration, found.enabled), (7, 5, true));
        assert_eq!((found.width >> 16, found.height >> 16), (640, 360));
    }

    #[test]
    fn quarter_turns_of_the_matrix_are_named_clockwise() {
        let one = 0x1_0000;
        for (a, b, c, d, degrees) in [
            (one, 0, 0, one, 0),
            (0, one, -one, 0, 90),
            (-one, 0, 0, -one, 180),
            (0, -one, one, 0, 270),
            (-one, 0, 0, one, 0),
        ] {
            assert_eq!(tkhd(0, [a, b, 0, c, d, 0, 0, 0, 0x4000_0000]).rotation(), degrees);
        }
    }
}
