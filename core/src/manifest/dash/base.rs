//! `BaseURL` and `SegmentBase` (23009-1 §5.3.9.2): a rendition in one file.

use crate::presentation::{Rendition, SingleFile, SwitchingSet};
use crate::request::Params;
use crate::request::percent::Encoded;
use crate::time::{Instant, Rounding};
use crate::wire::xml::XmlWriter;

/// Writes where the file is, and where its initialization and segment index lie in it.
pub(super) fn write(
    xml: &mut XmlWriter,
    (set, rendition): (&SwitchingSet, &Rendition),
    file: &SingleFile,
    zero: Instant,
    params: &Params,
) {
    let (name, level) = (Encoded(&set.name), rendition.bitrate);
    match file.part {
        None => {
            let path = format_args!("QualityLevels({level})/File({name}=all{params}).mp4");
            xml.element_with_text("BaseURL", params.child(path));
        }
        Some((start, last)) => {
            let path =
                format_args!("QualityLevels({level})/File({name}={start}-{last}{params}).mp4");
            xml.element_with_text("BaseURL", params.child(path));
        }
    }
    let SingleFile { init, index, .. } = *file;
    let behind = init.saturating_add(index);
    let offset = zero.on(rendition.timescale, Rounding::Nearest);
    xml.open("SegmentBase");
    xml.attribute("timescale", rendition.timescale.get());
    if offset > 0 {
        xml.attribute("presentationTimeOffset", offset);
    }
    xml.attribute("indexRange", format_args!("{init}-{}", behind.saturating_sub(1)));
    xml.attribute("indexRangeExact", true);
    xml.open("Initialization");
    xml.attribute("range", format_args!("0-{}", init.saturating_sub(1)));
    xml.close();
    xml.close();
}

#[cfg(test)]
mod tests {
    use crate::manifest::dash::mpd;
    use crate::manifest::sample::{film, golden, params};
    use crate::presentation::SingleFile;
    use crate::request::{Format, Params};

    #[test]
    fn an_on_demand_mpd_lists_a_file_a_rendition_and_no_segment() {
        let mut film = film();
        film.sets.truncate(2);
        for rendition in film.sets.iter_mut().flat_map(|set| &mut set.renditions) {
            rendition.file = Some(SingleFile { init: 700, index: 160, part: None });
        }
        film.sets[1].renditions[0].file =
            Some(SingleFile { init: 600, index: 64, part: Some((0, 288_768)) });
        let params = Params { on_demand: true, ..params(Format::DashCmaf) };
        let text = mpd(&film, &params).unwrap();
        golden("on-demand.mpd", include_str!("../golden/on-demand.mpd"), &text);
    }
}
