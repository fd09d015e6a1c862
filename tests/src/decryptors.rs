//! Other people's decryptors.  In: encrypted media.  Out: hashes of its samples.

use core::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use sha2::{Digest as _, Sha256};

use crate::encrypted::KEY;
use crate::{boxes, samples, tools};

/// Programs that decrypt, each of other people than the others'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decryptor {
    /// shaka-packager: decrypts Common Encryption, and encrypts transport streams.
    Packager,
    /// Bento4: Common Encryption, and what was before it.
    Bento4,
    /// ffmpeg: Common Encryption, transport streams and packed audio.
    Ffmpeg,
    /// openssl: whole segments, and frames where somebody shows it their blocks.
    Openssl,
}

impl Decryptor {
    /// As the README calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Packager => "packager",
            Self::Bento4 => "Bento4",
            Self::Ffmpeg => "ffmpeg",
            Self::Openssl => "openssl",
        }
    }

    /// It can be run. Says so where it cannot.
    #[must_use]
    pub fn is_here(self) -> bool {
        match self {
            Self::Packager => packager().is_some(),
            Self::Bento4 => bento4().is_some(),
            Self::Ffmpeg => tools::present("ffprobe"),
            Self::Openssl => tools::present("openssl"),
        }
    }

    /// `joined`, an initialization segment and media encrypted with `key`, a name and a value in
    /// hex, as a clear file.
    ///
    /// # Errors
    /// What it complained about.
    pub fn decrypt(self, key: (&str, &str), joined: &[u8], kind: &str) -> Result<Vec<u8>, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (from, to) = (folder.path().join("in.mp4"), folder.path().join("out.mp4"));
        fs::write(&from, joined).map_err(|error| error.to_string())?;
        let mut command = match self {
            Self::Packager => {
                let mut command = Command::new(packager().ok_or("it is not here")?);
                let (from, to) = (from.display(), to.display());
                command.arg(format!("in={from},stream={kind},output={to}"));
                command.args(["--enable_raw_key_decryption", "--quiet", "--keys"]);
                command.arg(format!("label=:key_id={}:key={}", key.0, key.1));
                command
            }
            Self::Bento4 => {
                let mut command = Command::new(bento4().ok_or("it is not here")?);
                command.args([key.0, key.1]).args([&from, &to]);
                command
            }
            Self::Ffmpeg | Self::Openssl => return Err("it writes no such file".to_owned()),
        };
        run(&mut command)?;
        fs::read(&to).map_err(|error| error.to_string())
    }

    /// It makes of `hidden`, which is `clear` encrypted with `key`, the samples of `clear` again,
    /// shown when they were, where it says when. ffmpeg is given one fragment at a time: 5.1 loses
    /// its place in the second.
    ///
    /// # Errors
    /// What it complained about, or the first difference.
    pub fn gives_back(
        self,
        key: (&str, &str),
        (clear, hidden): (&[u8], &[u8]),
        kind: &str,
    ) -> Result<(), String> {
        if self != Self::Ffmpeg {
            return same_samples(clear, &self.decrypt(key, hidden, kind)?);
        }
        let file = tempfile::NamedTempFile::new().map_err(|error| error.to_string())?;
        let mut found = Vec::new();
        for part in one_by_one(hidden) {
            fs::write(file.path(), &part).map_err(|error| error.to_string())?;
            found.extend(samples::hashes(file.path(), &["-decryption_key", key.1])?);
        }
        let wanted = boxes::samples(clear).into_iter().map(|(_, bytes)| hash(&clear[bytes]));
        if found.iter().eq(&wanted.collect::<Vec<_>>()) {
            Ok(())
        } else {
            Err(format!("other samples than went in: {}", found.len()))
        }
    }
}

/// Two fragmented files of one track have the same samples, shown at the same times.
///
/// # Errors
/// The first difference.
pub fn same_samples(wanted: &[u8], found: &[u8]) -> Result<(), String> {
    let (want, have) = (boxes::samples(wanted), boxes::samples(found));
    if want.len() != have.len() {
        return Err(format!("{} samples became {}", want.len(), have.len()));
    }
    let differs = |number: &usize| {
        let ((time, a), (shown, b)) = (&want[*number], &have[*number]);
        time != shown || wanted[a.clone()] != found[b.clone()]
    };
    match (0..want.len()).find(differs) {
        Some(number) => Err(format!("sample {number}: {:?}, {:?}", want[number], have[number])),
        None => Ok(()),
    }
}

fn hash(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    digest.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// What stands before the first fragment, with each fragment.
fn one_by_one(joined: &[u8]) -> Vec<Vec<u8>> {
    let top = boxes::children(joined, 0..joined.len());
    let starts: Vec<usize> =
        top.iter().filter(|(kind, ..)| kind == b"moof").map(|(_, whole, _)| whole.start).collect();
    let ends = starts.iter().skip(1).copied().chain([joined.len()]);
    let part =
        |(start, end): (&usize, usize)| [&joined[..starts[0]], &joined[*start..end]].concat();
    starts.iter().zip(ends).map(part).collect()
}

/// Runs `command` and gives what it printed.
///
/// # Errors
/// The last line of what it complained about.
pub fn run(command: &mut Command) -> Result<Vec<u8>, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(complaint.lines().last().unwrap_or("it failed").to_owned())
}

/// shaka-packager as `npm` installed it; `None`, with a line printed, where it is not there.
#[must_use]
pub fn packager() -> Option<PathBuf> {
    let folder = tools::repository().join("node_modules/shaka-packager/bin");
    let machine = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let found = folder.join(format!("packager-linux-{machine}"));
    if !found.exists() {
        println!("SKIPPED shaka-packager: not there (run `npm install`)");
        return None;
    }
    Some(found)
}

/// Bento4's decryptor, built once; `None`, with what stood against it printed, where that fails.
fn bento4() -> Option<&'static Path> {
    static BUILT: OnceLock<Option<PathBuf>> = OnceLock::new();
    let build = || {
        let folder = tools::target_folder().join("selvedge-tools/decrypt");
        let manifest = tools::repository().join("tests/decrypt/Cargo.toml");
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.args(["build", "--quiet", "--locked", "--manifest-path"]).arg(manifest);
        match run(cargo.arg("--target-dir").arg(&folder)) {
            Ok(_) => Some(folder.join("debug/selvedge-decrypt")),
            Err(error) => {
                println!("SKIPPED Bento4: {error}");
                None
            }
        }
    };
    BUILT.get_or_init(build).as_deref()
}

/// `segment` as openssl decrypts it whole.
///
/// # Errors
/// What it complained about: the padding, above all.
pub fn by_openssl(segment: &[u8], iv: &str) -> Result<Vec<u8>, String> {
    by_openssl_with(KEY, segment, iv)
}

/// The same under `key`, in hex.
///
/// # Errors
/// What it complained about.
pub fn by_openssl_with(key: &str, segment: &[u8], iv: &str) -> Result<Vec<u8>, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("segment");
    fs::write(&path, segment).map_err(|error| error.to_string())?;
    let mut command = Command::new("openssl");
    run(command.args(["enc", "-d", "-aes-128-cbc", "-K", key, "-iv", iv, "-in"]).arg(path))
}
