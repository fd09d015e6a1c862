//! What DRM systems want to be told.  In: key identifiers and an address.  Out: `pssh` boxes
//! (23001-7 §8.1) and the header objects in them. Issues no licences.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::cipher::{KeyId, Scheme};
use crate::wire::Writer;
use crate::wire::xml::XmlWriter;

/// Microsoft `PlayReady`.
pub const PLAY_READY: KeyId = KeyId(0x9a04_f079_9840_4286_ab92_e65b_e088_5f95_u128.to_be_bytes());
/// Google Widevine.
pub const WIDEVINE: KeyId = KeyId(0xedef_8ba9_79d6_4ace_a3c8_27dc_d51d_21ed_u128.to_be_bytes());
/// The Common PSSH box of W3C Clear Key (EME, "cenc" Initialization Data Format §4).
pub const CLEAR_KEY: KeyId = KeyId(0x1077_efec_c0b2_4d02_ace3_3c1e_52e2_fb4b_u128.to_be_bytes());

/// The `pssh` box of the system `system`. `kids` make it version 1.
#[must_use]
pub fn pssh(system: KeyId, kids: &[KeyId], data: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    out.full_box(*b"pssh", u8::from(!kids.is_empty()), 0, |out| {
        out.bytes(&system.0);
        if !kids.is_empty() {
            out.u32(u32::try_from(kids.len()).unwrap_or(0));
            kids.iter().for_each(|kid| out.bytes(&kid.0));
        }
        out.u32(u32::try_from(data.len()).unwrap_or(0));
        out.bytes(data);
    });
    out.into_vec()
}

/// `WidevinePsshData`, a protocol buffer: `key_ids` (field 2), `protection_scheme` (field 9).
#[must_use]
pub fn widevine_data(kids: &[KeyId], scheme: Scheme) -> Vec<u8> {
    const KEY_IDS: u8 = 2 << 3 | 2;
    const PROTECTION_SCHEME: u8 = 9 << 3;
    let mut data = Vec::new();
    for kid in kids {
        data.extend_from_slice(&[KEY_IDS, 16]);
        data.extend_from_slice(&kid.0);
    }
    data.push(PROTECTION_SCHEME);
    let mut rest = u32::from_be_bytes(match scheme {
        Scheme::Cbcs => *b"cbcs",
        Scheme::Cenc | Scheme::Piff | Scheme::Cbc => *b"cenc",
    });
    while rest >= 0x80 {
        data.push(u8::try_from(rest & 0x7F).unwrap_or(0) | 0x80);
        rest >>= 7;
    }
    data.push(u8::try_from(rest).unwrap_or(0));
    data
}

/// The `PlayReady` Object: one record, a rights management header in UTF-16. Version 4.0 of the
/// header for one key of AES-CTR, which every client knows; 4.2 for several, 4.3 for AES-CBC, which
/// are the first to have those.
#[must_use]
pub fn play_ready_object(
    kids: &[KeyId],
    scheme: Scheme,
    license_url: Option<&str>,
    custom_attributes: Option<&str>,
) -> Vec<u8> {
    const HEADER: u16 = 1;
    let header = play_ready_header(kids, scheme, license_url, custom_attributes);
    let record: Vec<u8> = header.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let short = |length: usize| u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes();
    let length = u32::try_from(record.len().saturating_add(10)).unwrap_or(u32::MAX);
    let mut object = Vec::from(length.to_le_bytes());
    object.extend([1_u16.to_le_bytes(), HEADER.to_le_bytes(), short(record.len())].concat());
    object.extend(record);
    object
}

/// `WRMHEADER`
fn play_ready_header(
    kids: &[KeyId],
    scheme: Scheme,
    license_url: Option<&str>,
    custom_attributes: Option<&str>,
) -> String {
    let id = |kid: &KeyId| STANDARD.encode(kid.as_guid());
    let (version, one) = match (scheme, kids) {
        (Scheme::Cbcs, _) => ("4.3.0.0", None),
        (Scheme::Cenc | Scheme::Piff | Scheme::Cbc, [one]) => ("4.0.0.0", Some(one)),
        (Scheme::Cenc | Scheme::Piff | Scheme::Cbc, _) => ("4.2.0.0", None),
    };
    let mut xml = XmlWriter::bare();
    xml.open("WRMHEADER");
    xml.attribute("xmlns", "http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader");
    xml.attribute("version", version);
    xml.open("DATA");
    xml.open("PROTECTINFO");
    if one.is_none() {
        xml.open("KIDS");
        for kid in kids {
            xml.open("KID");
            xml.attribute("ALGID", if scheme == Scheme::Cbcs { "AESCBC" } else { "AESCTR" });
            xml.attribute("VALUE", id(kid));
            xml.close();
        }
        xml.close();
    } else {
        xml.element_with_text("KEYLEN", 16);
        xml.element_with_text("ALGID", "AESCTR");
    }
    xml.close();
    if let Some(kid) = one {
        xml.element_with_text("KID", id(kid));
    }
    if let Some(url) = license_url {
        xml.element_with_text("LA_URL", url);
    }
    if let Some(attributes) = custom_attributes {
        xml.element_with_text("CUSTOMATTRIBUTES", attributes);
    }
    xml.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kid() -> KeyId {
        KeyId::parse("10000000-1000-1000-1000-100000000001").unwrap()
    }

    fn text(object: &[u8]) -> String {
        let units: Vec<u16> =
            object[10..].chunks(2).map(|two| u16::from_le_bytes([two[0], two[1]])).collect();
        String::from_utf16(&units).unwrap()
    }

    #[test]
    fn a_header_object_says_its_lengths_and_the_key() {
        let object = play_ready_object(&[kid()], Scheme::Cenc, Some("https://a/?b=1&c=2"), None);
        assert_eq!(object[..4], u32::try_from(object.len()).unwrap().to_le_bytes());
        assert_eq!(object[4..8], [1, 0, 1, 0]);
        assert_eq!(object[8..10], u16::try_from(object.len() - 10).unwrap().to_le_bytes());
        assert_eq!(
            text(&object),
            concat!(
                "<WRMHEADER xmlns=\"http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader\" ",
                "version=\"4.0.0.0\"><DATA><PROTECTINFO><KEYLEN>16</KEYLEN><ALGID>AESCTR</ALGID>",
                "</PROTECTINFO><KID>AAAAEAAQABAQABAAAAAAAQ==</KID>",
                "<LA_URL>https://a/?b=1&amp;c=2</LA_URL></DATA></WRMHEADER>"
            )
        );
    }

    #[test]
    fn aes_cbc_takes_version_4_3_of_the_header() {
        let header = text(&play_ready_object(&[kid()], Scheme::Cbcs, None, Some("x")));
        assert!(header.contains("version=\"4.3.0.0\""));
        let key = "<KIDS><KID ALGID=\"AESCBC\" VALUE=\"AAAAEAAQABAQABAAAAAAAQ==\"/></KIDS>";
        assert!(header.contains(key), "{header}");
        assert!(header.contains("<CUSTOMATTRIBUTES>x</CUSTOMATTRIBUTES>"));
    }

    #[test]
    fn several_keys_of_aes_ctr_take_version_4_2_of_the_header() {
        let kids = [kid(), KeyId([1; 16])];
        let header = text(&play_ready_object(&kids, Scheme::Cenc, None, None));
        let keys = "version=\"4.2.0.0\"><DATA><PROTECTINFO><KIDS>\
                    <KID ALGID=\"AESCTR\" VALUE=\"AAAAEAAQABAQABAAAAAAAQ==\"/>\
                    <KID ALGID=\"AESCTR\" VALUE=\"AQEBAQEBAQEBAQEBAQEBAQ==\"/></KIDS>";
        assert!(header.contains(keys), "{header}");
        let data = widevine_data(&kids, Scheme::Cenc);
        assert_eq!([&data[..2], &data[18..20]], [[0x12, 16]; 2]);
        assert_eq!(data[20..36], [1; 16]);
    }

    #[test]
    fn widevine_data_is_the_protocol_buffer_of_key_and_scheme() {
        // protoc --encode of key_ids and protection_scheme 1667591779 ('cbcs')
        let data = widevine_data(&[kid()], Scheme::Cbcs);
        assert_eq!(data[..2], [0x12, 16]);
        assert_eq!(data[2..18], kid().0);
        assert_eq!(data[18..], [0x48, 0xf3, 0xc6, 0x89, 0x9b, 0x06]);
    }

    #[test]
    fn clear_key_has_the_keys_in_its_box_and_no_data() {
        let found = pssh(CLEAR_KEY, &[kid()], &[]);
        let head = [0, 0, 0, 52, b'p', b's', b's', b'h', 1, 0, 0, 0];
        assert_eq!((found.len(), &found[..12]), (52, head.as_slice()));
        assert_eq!((&found[28..32], &found[32..48]), ([0, 0, 0, 1].as_slice(), kid().0.as_slice()));
    }
}
