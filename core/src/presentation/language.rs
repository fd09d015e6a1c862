//! Language tags.  In: what files and server manifests say.  Out: BCP 47, in its shortest form.

use alloc::format;
use alloc::string::String;

/// The shortest BCP 47 tag (5646 §2.2.1: a two-letter code where there is one) of a tag or of an
/// ISO 639-2 code of either kind; `None` where the language is undetermined or not a tag.
#[must_use]
pub fn shortest(tag: &str) -> Option<String> {
    let tag = tag.trim();
    let (primary, rest) = tag.split_at(tag.find(['-', '_']).unwrap_or(tag.len()));
    let primary = primary.to_ascii_lowercase();
    let letters =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let rest = rest.replace('_', "-");
    if !(2..=8).contains(&primary.len())
        || primary == "und"
        || !letters(&primary)
        || !letters(&rest)
    {
        return None;
    }
    let short = ISO_639.split(' ').find_map(|pair| pair.strip_prefix(primary.as_str()));
    Some(format!("{}{rest}", short.filter(|short| short.len() == 2).unwrap_or(&primary)))
}

/// A code of a language that has a code of two letters: that one, or one of its three-letter ones.
#[must_use]
pub fn is_listed(code: &str) -> bool {
    let code = code.to_ascii_lowercase();
    let letters = |len| code.len() == len;
    ISO_639.split(' ').any(|pair| {
        (letters(3) && pair.starts_with(&code)) || (letters(2) && pair.ends_with(&code))
    })
}

/// Three-letter codes (bibliographic and terminological), each with its two-letter code behind it
/// (ISO 639-2, code list of the Library of Congress).
const ISO_639: &str = "\
     aaraa abkab afraf akaak albsq amham araar argan armhy asmas avaav aveae aymay azeaz \
     bakba bambm baqeu belbe benbn bihbh bisbi bodbo bosbs brebr bulbg burmy catca cescs \
     chach chece chizh chucu chvcv corkw cosco crecr cymcy czecs danda deude divdv dutnl \
     dzodz ellel engen epoeo estet euseu eweee faofo fasfa fijfj finfi frafr frefr fryfy \
     fulff geoka gerde glagd glega glggl glvgv greel grngn gujgu hatht hauha hebhe herhz \
     hinhi hmoho hrvhr hunhu hyehy iboig iceis idoio iiiii ikuiu ileie inaia indid ipkik \
     islis itait javjv jpnja kalkl kankn kasks katka kaukr kazkk khmkm kikki kinrw kirky \
     komkv konkg korko kuakj kurku laolo latla lavlv limli linln litlt ltzlb lublu luglg \
     macmk mahmh malml maomi marmr mayms mkdmk mlgmg mltmt monmn mrimi msams myamy nauna \
     navnv nblnr ndend ndong nepne nldnl nnonn nobnb norno nyany ocioc ojioj orior ormom \
     ossos panpa perfa plipi polpl porpt pusps quequ rohrm ronro rumro runrn rusru sagsg \
     sansa sinsi slksk slosk slvsl smese smosm snasn sndsd somso sotst spaes sqisq srdsc \
     srpsr sswss sunsu swasw swesv tahty tamta tattt telte tgktg tgltl thath tibbo tirti \
     tonto tsntn tsots tuktk turtr twitw uigug ukruk urdur uzbuz venve vievi volvo welcy \
     wlnwa wolwo xhoxh yidyi yoryo zhaza zhozh zulzu";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_two_and_three_letters_are_listed() {
        for (code, listed) in [
            ("en", true),
            ("ENG", true),
            ("fre", true),
            ("hd", false),
            ("end", false),
            ("e", false),
        ] {
            assert_eq!(is_listed(code), listed, "{code}");
        }
    }

    #[test]
    fn tags_come_out_in_their_shortest_form() {
        for (given, expected) in [
            ("eng", Some("en")),
            ("fre", Some("fr")),
            ("fra", Some("fr")),
            ("en", Some("en")),
            ("fr-fr", Some("fr-fr")),
            ("fra_CA", Some("fr-CA")),
            ("zul", Some("zu")),
            ("haw", Some("haw")),
            ("und", None),
            ("", None),
            ("x", None),
            ("e\"n", None),
        ] {
            assert_eq!(shortest(given).as_deref(), expected, "{given}");
        }
    }
}
