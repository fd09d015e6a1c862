//! Captions that are in the bits of video.  In: renditions.  Out: which kinds.

use crate::presentation::{Rendition, Shape};

/// Kinds of captions in the bits of video.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Captions {
    /// CEA-608; the first channel, `CC1`.
    pub cea608: bool,
    /// CEA-708; the first service.
    pub cea708: bool,
}

impl Captions {
    /// There are some.
    #[must_use]
    pub const fn any(self) -> bool {
        self.cea608 || self.cea708
    }
}

/// What any of `renditions` carries.
pub fn captions<'a>(renditions: impl IntoIterator<Item = &'a Rendition>) -> Captions {
    let mut found = Captions::default();
    for rendition in renditions {
        match rendition.shape {
            Shape::Video { cea608, cea708, .. } => {
                found.cea608 |= cea608;
                found.cea708 |= cea708;
            }
            Shape::Audio { .. } | Shape::Text { .. } => {}
        }
    }
    found
}
