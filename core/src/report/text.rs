//! A report as text, for people: a block a file, a line a fact.

use alloc::format;
use alloc::string::String;
use core::fmt;

use super::{Edit, FileReport, Groups, Lengths, Level, Note, Report, TrackReport};

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (duration, target) =
            (Seconds(self.duration_millis), Seconds(self.target_millis.into()));
        let per_segment = self.fragments_per_segment;
        writeln!(
            f,
            "{duration}, fragments of about {target}, {per_segment} a transport stream segment"
        )?;
        if self.moved_seconds > 0 {
            writeln!(
                f,
                "all times moved up by {} s, so that none is negative",
                self.moved_seconds
            )?;
        }
        let videos = || self.files.iter().flat_map(|file| &file.tracks).filter(|t| t.is_video());
        if videos().count() > 1 {
            let how = if self.aligned { "share" } else { "do not share" };
            writeln!(f, "{} video renditions {how} their fragment boundaries", videos().count())?;
        }
        for file in &self.files {
            self.file(f, file)?;
        }
        let general = self.notes.0.iter().filter(|note| !self.placed(note));
        general.into_iter().try_for_each(|note| writeln!(f, "{note}"))
    }
}

impl Report {
    /// The note stands with its file.
    fn placed(&self, note: &Note) -> bool {
        self.files.iter().any(|file| note.file.as_ref() == Some(&file.name))
    }

    fn file(&self, f: &mut fmt::Formatter<'_>, file: &FileReport) -> fmt::Result {
        writeln!(f, "{}, {} bytes", file.name, file.bytes)?;
        let notes = || self.notes.0.iter().filter(|note| note.file.as_ref() == Some(&file.name));
        let has = |note: &&Note| file.tracks.iter().any(|track| note.track == Some(track.id));
        for track in &file.tracks {
            write!(f, "{track}")?;
            let about = notes().filter(|note| note.track == Some(track.id));
            about.into_iter().try_for_each(|note| writeln!(f, "    {}", Bare(note)))?;
        }
        notes().filter(|note| !has(note)).try_for_each(|note| writeln!(f, "  {}", Bare(note)))
    }
}

impl TrackReport {
    fn is_video(&self) -> bool {
        self.packaged && self.media == "video"
    }
}

impl fmt::Display for TrackReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.id > 0 { format!("track {} ", self.id) } else { String::new() };
        write!(f, "  {place}{} {}", self.media, self.codecs)?;
        if !self.packaged {
            return writeln!(f, ", not packaged");
        }
        for (fact, unit) in [(&self.size, ""), (&self.rate, self.unit()), (&self.language, "")] {
            if !fact.is_empty() {
                write!(f, ", {fact}{unit}")?;
            }
        }
        let (name, bitrate) = (&self.name, self.bitrate);
        writeln!(
            f,
            ": {name} at {bitrate} bit/s (average {}, peak {})",
            self.average_bits, self.peak_bits
        )?;
        let (start, length) = (Seconds(self.start_millis), Seconds(self.duration_millis));
        let samples = if self.id > 0 { "samples" } else { "cues" };
        writeln!(f, "    {} {samples} from {start} for {length}", self.samples)?;
        if let Some(Groups { lengths, closed }) = &self.groups {
            let how = if *closed { "closed" } else { "open" };
            writeln!(f, "    key frames: {lengths}; {how} groups of pictures")?;
        }
        if let Some(fragments) = &self.fragments {
            writeln!(f, "    fragments: {fragments}")?;
        }
        if let Some(Edit { moved_millis, priming }) = &self.edit {
            let moved = Seconds(*moved_millis);
            writeln!(f, "    edit list: moved by {moved}, {priming} priming frames left out")?;
        }
        if !self.captions.is_empty() {
            writeln!(f, "    captions: {}", self.captions.join(", "))?;
        }
        if !self.transport_streams {
            writeln!(f, "    not in transport streams")?;
        }
        Ok(())
    }
}

impl TrackReport {
    fn unit(&self) -> &'static str {
        if self.media == "video" { " frames a second" } else { " Hz" }
    }
}

impl fmt::Display for Lengths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shortest, longest) = (Seconds(self.shortest_millis), Seconds(self.longest_millis));
        if self.shortest_millis == self.longest_millis {
            return write!(f, "{}, every {longest}", self.count);
        }
        write!(f, "{}, {shortest} to {longest} apart", self.count)
    }
}

/// With its place.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}")?;
            if let Some(track) = self.track {
                write!(f, " track {track}")?;
            }
            write!(f, ": ")?;
        }
        write!(f, "{}", Bare(self))
    }
}

/// Without its place.
struct Bare<'a>(&'a Note);

impl fmt::Display for Bare<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Note { level, says, remedy, .. } = self.0;
        match level {
            Level::Found => {}
            Level::Warning => write!(f, "warning: ")?,
            Level::LeftOut => write!(f, "left out: ")?,
        }
        write!(f, "{says}")?;
        remedy.iter().try_for_each(|remedy| write!(f, " -> {remedy}"))
    }
}

/// Milliseconds, shown as seconds.
struct Seconds(i64);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let millis = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:03} s", millis / 1000, millis % 1000)
    }
}
