//! Keys of CPIX documents (DASH-IF CPIX 2.3), whatever their prefixes.  In: the document.  Out:
//! keys with a `PlainValue`, each with what usage rules say of it: track type, crypto periods.
//!
//! A crypto period has a number, and somebody has to say how long one lasts, or a start and an
//! end on some clock: the first of the document is where the presentation starts.

use alloc::collections::BTreeMap;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use selvedge_core::cipher::ContentKey;
use selvedge_core::delivery::date::Date;
use selvedge_core::time::{Ticks, duration};

use crate::failure::Failure;
use crate::import::{Imported, content_key};

/// What a document says, as it comes.
#[derive(Debug, Default)]
struct Document {
    /// Keys, with `@commonEncryptionScheme`.
    keys: Vec<(ContentKey, String)>,
    /// `ContentKeyPeriod` by `@id`.
    periods: BTreeMap<String, Period>,
    rules: Vec<Rule>,
    kid: String,
    scheme: String,
    value: Option<String>,
}

/// When a crypto period starts, one way or the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Period {
    /// `@index`
    Number(i64),
    /// `@start`, nanoseconds.
    Time(i64),
}

/// `ContentKeyUsageRule`
#[derive(Debug)]
struct Rule {
    kid: String,
    label: String,
    /// `KeyPeriodFilter@periodId`
    periods: Vec<String>,
}

const SECOND: i64 = 1_000_000_000;

pub(super) fn content_keys(
    about: &str,
    text: &str,
    length: Option<Ticks>,
) -> Result<Vec<Imported>, Failure> {
    let document = Document::read(about, text)?;
    let starts = document.starts(length).map_err(|rule| Failure::new(about, rule))?;
    let mut found = Vec::new();
    for (key, scheme) in &document.keys {
        let kind = match scheme.as_str() {
            "cenc" => Some("CommonEncryptionCenc".to_owned()),
            "cbcs" => Some("CommonEncryptionCbcs".to_owned()),
            _ => None,
        };
        let id = key.id.to_string();
        let one = |label: &str, start: Option<String>| Imported {
            key: key.clone(),
            label: Some(label.to_owned()).filter(|label| !label.is_empty()),
            kind: kind.clone(),
            start,
        };
        let before = found.len();
        for rule in document.rules.iter().filter(|rule| rule.kid.eq_ignore_ascii_case(&id)) {
            if rule.periods.is_empty() {
                found.push(one(&rule.label, None));
            }
            for period in &rule.periods {
                let start = starts.get(period).ok_or_else(|| {
                    Failure::new(about, format!("there is no ContentKeyPeriod `{period}`"))
                })?;
                found.push(one(&rule.label, start.clone()));
            }
        }
        if found.len() == before {
            found.push(one("", None));
        }
    }
    Ok(found)
}

impl Document {
    fn read(about: &str, text: &str) -> Result<Self, Failure> {
        let mut reader = Reader::from_str(text);
        let mut document = Self::default();
        let mut inside = false;
        loop {
            let refused = |error| Failure::new(about, format!("not XML: {error}"));
            match reader.read_event().map_err(refused)? {
                Event::Start(tag) => {
                    document.open(&tag).map_err(|rule| Failure::new(about, rule))?;
                    inside = tag.local_name().as_ref() == "PlainValue";
                }
                Event::Empty(tag) => {
                    document.open(&tag).map_err(|rule| Failure::new(about, rule))?;
                    document.close(about, tag.local_name().as_ref())?;
                }
                Event::Text(text) if inside => document.value = Some(text.as_ref().to_owned()),
                Event::End(tag) => {
                    inside = false;
                    document.close(about, tag.local_name().as_ref())?;
                }
                Event::Eof => return Ok(document),
                Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), String> {
        match tag.local_name().as_ref() {
            "ContentKey" => {
                self.kid = attribute(tag, "kid");
                self.scheme = attribute(tag, "commonEncryptionScheme");
                self.value = None;
            }
            "ContentKeyPeriod" => {
                let id = attribute(tag, "id");
                let period = Period::read(tag).ok_or_else(|| {
                    format!("ContentKeyPeriod `{id}` has neither @index nor @start")
                })?;
                self.periods.insert(id, period);
            }
            "ContentKeyUsageRule" => self.rules.push(Rule {
                kid: attribute(tag, "kid"),
                label: attribute(tag, "intendedTrackType"),
                periods: Vec::new(),
            }),
            "KeyPeriodFilter" => {
                if let Some(rule) = self.rules.last_mut() {
                    rule.periods.push(attribute(tag, "periodId"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn close(&mut self, about: &str, name: &str) -> Result<(), Failure> {
        if name == "ContentKey" {
            let value = self.value.take().unwrap_or_default();
            let key = content_key(about, &self.kid, &value)?;
            self.keys.push((key, core::mem::take(&mut self.scheme)));
        }
        Ok(())
    }

    /// When periods start in the presentation, by their identifiers; `None` where it does.
    fn starts(&self, length: Option<Ticks>) -> Result<BTreeMap<String, Option<String>>, String> {
        let number = |period: &Period| match period {
            Period::Number(number) => Some(*number),
            Period::Time(_) => None,
        };
        let numbered = self.periods.values().filter_map(number).count();
        if numbered > 0 && numbered < self.periods.len() {
            return Err("some ContentKeyPeriods have numbers and others times".to_owned());
        }
        let length = match (numbered, length) {
            (0, _) => 1,
            (_, Some(length)) => length,
            (_, None) => {
                return Err("ContentKeyPeriods have numbers alone: --period says how long one \
                            lasts"
                    .to_owned());
            }
        };
        let of = |period: &Period| match period {
            Period::Number(at) | Period::Time(at) => *at,
        };
        let first = self.periods.values().map(of).min().unwrap_or_default();
        let start = |(id, period): (&String, &Period)| {
            let after = of(period).saturating_sub(first).saturating_mul(length);
            (id.clone(), Some(after).filter(|after| *after > 0).map(written))
        };
        Ok(self.periods.iter().map(start).collect())
    }
}

impl Period {
    fn read(tag: &BytesStart<'_>) -> Option<Self> {
        let (index, start) = (attribute(tag, "index"), attribute(tag, "start"));
        if !index.is_empty() {
            return index.parse().ok().map(Self::Number);
        }
        // A presentation that is no live one may count from its own start.
        let length = || duration(&start);
        let date = Date::parse(&start)
            .and_then(|date| i64::try_from(date.millis().0).ok()?.checked_mul(SECOND / 1000));
        date.or_else(length).map(Self::Time)
    }
}

/// Nanoseconds as ISO 8601 has them.
fn written(time: Ticks) -> String {
    let part = format!("{:09}", time % SECOND);
    let part = part.trim_end_matches('0');
    let whole = time / SECOND;
    if part.is_empty() { format!("PT{whole}S") } else { format!("PT{whole}.{part}S") }
}

fn attribute(tag: &BytesStart<'_>, name: &str) -> String {
    let found = tag.attributes().flatten().find(|one| one.key.as_ref() == name);
    found.map(|one| one.value.into_owned()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kid(number: u8) -> String {
        format!("60000000-0000-0000-0000-0000000000{number:02}")
    }

    /// Two track types over periods of these attributes, a key each.
    fn document(periods: &[&str]) -> String {
        let (mut keys, mut list, mut rules) = (String::new(), String::new(), String::new());
        let mut number = 0;
        for (at, attributes) in periods.iter().enumerate() {
            list += &format!("<c:ContentKeyPeriod id='p{at}' {attributes}/>");
            for label in ["VIDEO", "AUDIO"] {
                number += 1;
                let kid = kid(number);
                keys += &format!(
                    "<c:ContentKey kid='{kid}' commonEncryptionScheme='cenc'><c:Data><p:Secret>\
                     <p:PlainValue>EBESExQVFhcYGRobHB0eHw==</p:PlainValue></p:Secret></c:Data>\
                     </c:ContentKey>"
                );
                rules += &format!(
                    "<c:ContentKeyUsageRule kid='{kid}' intendedTrackType='{label}'>\
                     <c:KeyPeriodFilter periodId='p{at}'/></c:ContentKeyUsageRule>"
                );
            }
        }
        format!(
            "<c:CPIX xmlns:c='urn:dashif:org:cpix' xmlns:p='urn:ietf:params:xml:ns:keyprov:pskc'>\
             <c:ContentKeyList>{keys}</c:ContentKeyList>\
             <c:ContentKeyPeriodList>{list}</c:ContentKeyPeriodList>\
             <c:ContentKeyUsageRuleList>{rules}</c:ContentKeyUsageRuleList></c:CPIX>"
        )
    }

    fn starts(text: &str, length: Option<Ticks>) -> Result<Vec<(String, Option<String>)>, String> {
        let keys = content_keys("file", text, length).map_err(|failure| failure.to_string())?;
        assert!(keys.iter().all(|one| one.kind.as_deref() == Some("CommonEncryptionCenc")));
        Ok(keys.into_iter().map(|one| (one.label.unwrap_or_default(), one.start)).collect())
    }

    #[test]
    fn usage_rules_say_when_a_key_starts_and_for_which_tracks() {
        let dates = [
            "start='2026-01-01T00:00:00Z' end='2026-01-01T00:10:00Z'",
            "start='2026-01-01T00:10:00Z' end='2026-01-01T00:20:00.5Z'",
            "start='2026-01-01T00:20:00.5Z' end='2026-01-01T00:30:00Z'",
        ];
        let found = starts(&document(&dates), None).unwrap();
        let expected = [None, Some("PT600S"), Some("PT1200.5S")];
        let expected = expected.map(|start| {
            ["VIDEO", "AUDIO"].map(|label| (label.to_owned(), start.map(str::to_owned)))
        });
        assert_eq!(found, expected.concat());
        let numbers = document(&["index='7'", "index='8'"]);
        let found = starts(&numbers, Some(90 * SECOND)).unwrap();
        assert_eq!(found[2], ("VIDEO".to_owned(), Some("PT90S".to_owned())));
        assert!(starts(&numbers, None).unwrap_err().contains("--period"));
    }

    #[test]
    fn periods_that_say_nothing_are_refused() {
        for (periods, words) in [
            (&["end='2026-01-01T00:00:00Z'"][..], "neither @index nor @start"),
            (&["index='1'", "start='2026-01-01T00:00:00Z'"], "others times"),
        ] {
            let error = starts(&document(periods), Some(1)).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let text = document(&["index='1'"]).replace("periodId='p0'", "periodId='p9'");
        assert!(starts(&text, Some(1)).unwrap_err().contains("no ContentKeyPeriod `p9`"));
    }
}
