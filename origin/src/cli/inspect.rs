//! `selvedge inspect`

use std::io::{self, Read as _, Write as _};
use std::path::Path;

use clap::Args;

use crate::cli::StoreArgument;
use crate::failure::Failure;
use crate::inspect::inspect;
use crate::publish::Input;
use crate::store::Store;

/// Most of standard input that is held in memory.
const LARGEST: u64 = 1 << 30;

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// A file, an object of the store, or `-` for standard input.
    what: String,
    #[command(flatten)]
    store: StoreArgument,
}

impl Inspect {
    pub(super) async fn run(self) -> Result<(), Failure> {
        let what = self.what.as_str();
        let input = if what == "-" {
            let mut bytes = Vec::new();
            let read = io::stdin().lock().take(LARGEST).read_to_end(&mut bytes);
            read.map_err(|error| Failure::new("standard input", error.to_string()))?;
            Input::Memory(bytes.into())
        } else if Path::new(what).is_file() {
            Input::open(Path::new(what)).await?
        } else {
            let hint = |failure: Failure| failure.hint("neither a file here nor in the store");
            let store = Store::open(&self.store.store).map_err(|_| {
                hint(Failure::new(what, format!("no such file, and no store {}", self.store.store)))
            })?;
            Input::stored(&store, what.to_owned()).await.map_err(hint)?
        };
        let mut out = io::BufWriter::new(io::stdout().lock());
        inspect(what, &input, |text| drop(out.write_all(text.as_bytes()))).await?;
        drop(out.flush());
        Ok(())
    }
}
