//! Bento4's decryptor.  In: `kid key in out`, two numbers in hexadecimal and two files.  Out: the
//! file `out`, or what Bento4 complained about.

use std::error::Error;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [kid, key, from, to] = arguments.as_slice() else {
        return Err("usage: selvedge-decrypt KID KEY IN OUT".into());
    };
    let processor = mp4decrypt::Ap4CencDecryptingProcessor::new().key(kid, key)?.build()?;
    fs::write(to, processor.decrypt(fs::read(from)?, None::<Vec<u8>>)?)?;
    Ok(())
}
