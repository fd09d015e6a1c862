//! The worker's build.  In: the crate `selvedge-edge`. Out: `edge/build`, the modules that
//! `wrangler.toml` names. Needs neither a bundler nor wasm-bindgen's command line.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, write::GzEncoder};
use wasm_bindgen_cli_support::Bindgen;

use crate::Result;
use crate::run::{at, cargo, root, run, say, target};

/// What the worker's modules weighed after gzip when somebody last agreed to it.
const BUDGET: &str = "bench/size-budget.json";

/// Growth over the budget that passes, in hundredths. Compilers differ by less.
const TOLERANCE: usize = 2;

/// The module Workers loads: its default export takes the requests.
const ENTRY: &str = r#"import { WorkerEntrypoint } from "cloudflare:workers";
import * as worker from "./worker.js";

export default class extends WorkerEntrypoint {
  fetch(request) {
    return worker.fetch.call(this, request, this.env, this.ctx);
  }
}
"#;

/// Builds the worker and gives the folder of its modules.
pub(crate) fn build() -> Result<PathBuf> {
    let triple = "wasm32-unknown-unknown";
    let mut build = cargo(["build", "--package", "selvedge-edge", "--profile", "edge"]);
    run(build.args(["--target", triple]))?;
    let wasm = target().join(triple).join("edge/selvedge_edge.wasm");
    let out = root().join("edge/build");
    if is_newer(&out.join("index.js"), &wasm) {
        return Ok(out);
    }
    if out.exists() {
        fs::remove_dir_all(&out).map_err(at(&out))?;
    }
    bind(&wasm, &out).map_err(|error| format!("wasm-bindgen: {error:#}"))?;
    let index = out.join("index.js");
    let glue = fs::read_to_string(&index).map_err(at(&index))?;
    // workerd knows plain imports of modules, not yet those of the source phase.
    let glue = glue.replacen("import source ", "import ", 1);
    let worker = out.join("worker.js");
    fs::write(&worker, glue).map_err(at(&worker))?;
    fs::write(&index, ENTRY).map_err(at(&index))?;
    Ok(out)
}

fn bind(wasm: &Path, out: &Path) -> Result<(), anyhow::Error> {
    Bindgen::new()
        .input_path(wasm)
        .out_name("index")
        .module(true)?
        .typescript(false)
        // After a panic the next request gets a fresh instance.
        .reset_state_function(true)
        .force_enable_abort_handler(true)
        .remove_producers_section(true)
        // A tenth of the module; a panic's message names file and line without it.
        .remove_name_section(true)
        .generate(out)
}

fn is_newer(made: &Path, source: &Path) -> bool {
    let time = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    matches!((time(made), time(source)), (Ok(made), Ok(source)) if made > source)
}

/// Builds the worker, prints what its modules weigh and holds it against [`BUDGET`].
pub(crate) fn size() -> Result<()> {
    let mut modules = Vec::new();
    collect(&build()?, &mut modules)?;
    modules.sort();
    let mut total = (0, 0);
    for path in &modules {
        let bytes = fs::read(path).map_err(at(path))?;
        let packed = gzip(&bytes).map_err(at(path))?;
        let name = path.strip_prefix(root()).unwrap_or(path).display();
        say(format_args!("{:>9} {packed:>9}  {name}", bytes.len()));
        total = (total.0 + bytes.len(), total.1 + packed);
    }
    say(format_args!("{:>9} {:>9}  bytes, bytes after gzip -9", total.0, total.1));
    let budget = budget()?;
    if total.1 > budget + budget * TOLERANCE / 100 {
        return Err(format!(
            "the worker weighs {} bytes after gzip, more than {TOLERANCE} % over its budget of \
             {budget}: make it smaller, or raise {BUDGET} in the same change",
            total.1
        ));
    }
    Ok(())
}

fn budget() -> Result<usize> {
    let path = root().join(BUDGET);
    let text = fs::read(&path).map_err(at(&path))?;
    let document: serde_json::Value =
        serde_json::from_slice(&text).map_err(|error| format!("{BUDGET}: {error}"))?;
    let bytes = document.get("worker_gzip_bytes").and_then(serde_json::Value::as_u64);
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| format!("{BUDGET}: worker_gzip_bytes is no number"))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(at(folder))? {
        let path = entry.map_err(at(folder))?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn gzip(bytes: &[u8]) -> std::io::Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.len())
}
