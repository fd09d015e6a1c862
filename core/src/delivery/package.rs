//! What of an asset was packaged before.  In: its document.  Out: which files its stored manifests
//! may list. A streaming policy that allows no download lets these go out, and no others.

use alloc::string::String;
use alloc::vec::Vec;

use crate::delivery::document::Members;
use crate::error::Error;

/// `packaged.json` of an asset: `{"folders": ["hls"]}`; the asset's own folder is the empty string.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Folders of which every file, at whatever depth, belongs to a package.
    pub folders: Vec<String>,
}

impl Package {
    /// Reads a document.
    ///
    /// # Errors
    /// [`crate::error::ErrorKind::Document`], naming the JSON path.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        Ok(Self { folders: Members::parse(bytes)?.take_strings("folders")? })
    }

    /// The document.
    #[must_use]
    pub fn to_json(&self) -> String {
        alloc::format!("{:#}\n", serde_json::json!({ "folders": self.folders }))
    }

    /// Whether `file`, a path in the asset, belongs to a package.
    #[must_use]
    pub fn holds(&self, file: &str) -> bool {
        self.folders.iter().any(|folder| {
            let folder = folder.trim_matches('/');
            folder.is_empty() || file.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_folder_holds_what_is_in_it_and_nothing_beside_it() {
        let package = Package::parse(br#"{"folders":["hls","a/b/"],"someday":1}"#).unwrap();
        for (file, held) in [
            ("hls/v/1.m4s", true),
            ("a/b/1.m4s", true),
            ("hls", false),
            ("hlsx/1.m4s", false),
            ("film.mp4", false),
            ("a/1.m4s", false),
        ] {
            assert_eq!(package.holds(file), held, "{file}");
        }
        assert!(Package::parse(br#"{"folders":[""]}"#).unwrap().holds("film.mp4"));
        assert!(!Package::parse(b"{}").unwrap().holds("film.mp4"));
        let error = Package::parse(br#"{"folders":"hls"}"#).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Document);
        assert_eq!(Package::parse(package.to_json().as_bytes()).unwrap(), package);
    }
}
