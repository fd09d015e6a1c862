//! The main fields of the boxes we know, as `name=value`.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt::{Display, Write};

use crate::error::Error;
use crate::mp4::sample_entry::{self, Layout};
use crate::mp4::{
    BoxRef, ChunkOffsets, Ctts, Dref, Elng, Elst, Ftyp, Hdlr, Mdhd, Mehd, Mfhd, Mfro, Mvhd, Pssh,
    SampleSizes, Sidx, Stsc, Stsd, Stss, Stts, Tfdt, Tfhd, Tfra, Tfxd, Tkhd, Trex, Trun,
    TrunSample, name,
};
use crate::time::Timescale;
use crate::wire::Hex;

/// Rows shown of a table.
const ROWS: usize = 8;

/// The fields of a box; `None` where it is not one we know.
pub(super) fn of(found: &BoxRef<'_>) -> Option<Result<String, Error>> {
    of_header(found).or_else(|| of_table(found)).or_else(|| of_fragment(found))
}

fn of_header(found: &BoxRef<'_>) -> Option<Result<String, Error>> {
    Some(match &found.kind() {
        b"ftyp" | b"styp" => Ftyp::parse(found).map(|it| ftyp(&it)),
        b"mvhd" => Mvhd::parse(found)
            .map(|it| format!("{} duration={}", timescale(it.timescale), it.duration)),
        b"tkhd" => Tkhd::parse(found).map(|it| tkhd(&it)),
        b"mdhd" => Mdhd::parse(found).map(|it| {
            let language = it.language.unwrap_or(*b"???").map(char::from);
            let language = language.iter().collect::<String>();
            format!("{} duration={} language={language}", timescale(it.timescale), it.duration)
        }),
        b"hdlr" => Hdlr::parse(found)
            .map(|it| format!("handler_type={} name={:?}", name(it.handler_type), it.name)),
        b"elng" => {
            Elng::parse(found).map(|it| format!("extended_language={:?}", it.extended_language))
        }
        b"elst" => Elst::parse(found).map(|it| elst(&it)),
        b"dref" => Dref::parse(found).map(|it| format!("self_contained={}", it.self_contained)),
        b"stsd" => Stsd::parse(found).map(|it| format!("entry_count={}", it.entry_count)),
        b"frma" => found.reader().array().map(|kind| format!("data_format={}", name(kind))),
        b"schm" => found.full().and_then(|(_, mut reader)| {
            Ok(format!("scheme_type={} version={:#x}", name(reader.array()?), reader.u32()?))
        }),
        b"pssh" => Pssh::parse(found).map(|it| pssh(&it)),
        _ => return None,
    })
}

fn of_table(found: &BoxRef<'_>) -> Option<Result<String, Error>> {
    Some(match &found.kind() {
        b"stts" => Stts::parse(found).map(|it| rows(it.runs().map(pair))),
        b"ctts" => Ctts::parse(found).map(|it| rows(it.runs().map(pair))),
        b"stsc" => Stsc::parse(found).map(|it| {
            rows(it.runs().map(|run| {
                let entry = run.sample_description_index;
                format!("({}, {}, {entry})", run.first_chunk, run.samples_per_chunk)
            }))
        }),
        b"stsz" | b"stz2" => SampleSizes::parse(found).map(|it| match it.constant() {
            Some(size) => format!("sample_count={} sample_size={size}", it.sample_count),
            None => format!("sample_count={} {}", it.sample_count, list(it.sizes())),
        }),
        b"stco" | b"co64" => ChunkOffsets::parse(found)
            .map(|it| format!("entry_count={} {}", it.len(), list(it.offsets()))),
        b"stss" => Stss::parse(found)
            .map(|it| format!("entry_count={} {}", it.len(), list(it.sample_numbers()))),
        _ => return None,
    })
}

fn of_fragment(found: &BoxRef<'_>) -> Option<Result<String, Error>> {
    Some(match &found.kind() {
        b"mehd" => {
            Mehd::parse(found).map(|it| format!("fragment_duration={}", it.fragment_duration))
        }
        b"trex" => Trex::parse(found).map(|it| trex(&it)),
        b"mfhd" => Mfhd::parse(found).map(|it| format!("sequence_number={}", it.sequence_number)),
        b"tfhd" => Tfhd::parse(found).map(|it| tfhd(&it)),
        b"tfdt" => Tfdt::parse(found)
            .map(|it| format!("base_media_decode_time={}", it.base_media_decode_time)),
        b"trun" => Trun::parse(found).map(|it| trun(&it)),
        b"sidx" => Sidx::parse(found).map(|it| sidx(&it)),
        b"tfra" => Tfra::parse(found).map(|it| {
            let entries = it.entries().map(|at| format!("({}, {})", at.time, at.moof_offset));
            let count = it.number_of_entry;
            format!("track_ID={} number_of_entry={count} {}", it.track_id, list(entries))
        }),
        b"mfro" => Mfro::parse(found).map(|it| format!("parent_size={}", it.parent_size)),
        b"uuid" => uuid(found),
        _ => return None,
    })
}

/// The fields of a sample entry.
pub(super) fn of_entry(found: &BoxRef<'_>) -> Option<Result<String, Error>> {
    let mut reader = found.reader();
    let mut fields = |skip: usize| -> Result<(u16, u16), Error> {
        reader.skip(skip)?;
        Ok((reader.u16()?, reader.u16()?))
    };
    match sample_entry::layout(found.kind()) {
        // 14496-12 §12.1.3.2, §12.2.3.2
        Layout::Visual => {
            Some(fields(24).map(|(width, height)| format!("width={width} height={height}")))
        }
        Layout::Audio => Some(fields(16).map(|(channels, bits)| {
            let rate = found.body.get(24..26).and_then(|bytes| bytes.as_array::<2>());
            let rate = rate.map_or(0, |bytes| u16::from_be_bytes(*bytes));
            format!("channelcount={channels} samplesize={bits} samplerate={rate}")
        })),
        Layout::Plain | Layout::Unknown => None,
    }
}

fn timescale(timescale: Option<Timescale>) -> String {
    format!("timescale={}", timescale.map_or(0, Timescale::get))
}

fn ftyp(it: &Ftyp<'_>) -> String {
    let (brand, version) = (name(it.major_brand), it.minor_version);
    let compatible = list(it.compatible_brands().map(name));
    format!("major_brand={brand} minor_version={version} compatible_brands={compatible}")
}

fn tkhd(it: &Tkhd) -> String {
    let Tkhd { track_id, duration, .. } = it;
    let (width, height, rotation) = (it.width >> 16, it.height >> 16, it.rotation());
    let mut text = format!("track_ID={track_id} duration={duration} width={width} height={height}");
    if rotation != 0 {
        push(&mut text, "rotation", rotation);
    }
    if !it.enabled {
        text.push_str(" disabled");
    }
    text
}

fn elst(it: &Elst) -> String {
    rows(it.edits.iter().map(|edit| {
        let rate = edit.media_rate >> 16;
        format!("({}@{} rate {rate})", edit.segment_duration, edit.media_time)
    }))
}

fn trex(it: &Trex) -> String {
    format!(
        "track_ID={} sample_description_index={} sample_duration={} sample_size={} \
         sample_flags={:#010x}",
        it.track_id,
        it.sample_description_index,
        it.sample_duration,
        it.sample_size,
        it.sample_flags
    )
}

fn tfhd(it: &Tfhd) -> String {
    let mut text = format!("track_ID={}", it.track_id);
    push_some(&mut text, "base_data_offset", it.base_data_offset);
    push_some(&mut text, "sample_description_index", it.sample_description_index);
    push_some(&mut text, "sample_duration", it.sample_duration);
    push_some(&mut text, "sample_size", it.sample_size);
    push_some(&mut text, "sample_flags", it.sample_flags.map(|flags| format!("{flags:#010x}")));
    if it.duration_is_empty {
        text.push_str(" duration-is-empty");
    }
    if it.default_base_is_moof {
        text.push_str(" default-base-is-moof");
    }
    text
}

fn trun(it: &Trun<'_>) -> String {
    let mut text = format!("sample_count={}", it.sample_count);
    push_some(&mut text, "data_offset", it.data_offset);
    text.push(' ');
    text.push_str(&list(it.samples().map(trun_sample)));
    text
}

fn trun_sample(sample: TrunSample) -> String {
    let mut text = String::new();
    push_some(&mut text, "duration", sample.duration);
    push_some(&mut text, "size", sample.size);
    push_some(&mut text, "flags", sample.flags.map(|flags| format!("{flags:#010x}")));
    push_some(&mut text, "composition_offset", sample.composition_offset);
    format!("({})", text.trim_start())
}

fn sidx(it: &Sidx<'_>) -> String {
    let references = it.references().map(|to| {
        let what = if to.to_index { "index" } else { "media" };
        let sap = if to.starts_with_sap { format!(" SAP {}", to.sap_type) } else { String::new() };
        format!("({what} {} bytes {} ticks{sap})", to.referenced_size, to.subsegment_duration)
    });
    format!(
        "reference_ID={} {} earliest_presentation_time={} first_offset={} {}",
        it.reference_id,
        timescale(it.timescale),
        it.earliest_presentation_time,
        it.first_offset,
        rows(references)
    )
}

fn pssh(it: &Pssh<'_>) -> String {
    let mut text = format!("system_ID={:x}", Hex(&it.system_id));
    for kid in it.kids().take(ROWS) {
        push(&mut text, "KID", format_args!("{:x}", Hex(&kid)));
    }
    push(&mut text, "data_size", it.data.len());
    text
}

fn uuid(found: &BoxRef<'_>) -> Result<String, Error> {
    let mut text = format!("{:x}", Hex(&found.header.uuid.unwrap_or_default()));
    if found.header.uuid == Some(Tfxd::UUID) {
        let tfxd = Tfxd::parse(found)?;
        let (time, duration) = (tfxd.absolute_time, tfxd.duration);
        text.push_str(&format!(" tfxd absolute_time={time} duration={duration}"));
    }
    Ok(text)
}

fn push(text: &mut String, name: &str, value: impl Display) {
    // Writing to a string cannot fail.
    let _ = write!(text, " {name}={value}");
}

fn push_some(text: &mut String, name: &str, value: Option<impl Display>) {
    if let Some(value) = value {
        push(text, name, value);
    }
}

fn pair<T: Display>((count, value): (u32, T)) -> String {
    format!("({count}, {value})")
}

fn rows(rows: impl ExactSizeIterator<Item = String>) -> String {
    format!("entry_count={} {}", rows.len(), list(rows))
}

/// The first few items in brackets.
fn list<T: Display>(mut items: impl Iterator<Item = T>) -> String {
    let shown: Vec<String> = items.by_ref().take(ROWS).map(|item| item.to_string()).collect();
    let more = if items.next().is_some() { " …" } else { "" };
    format!("[{}{more}]", shown.join(" "))
}
