//! The seam to `glue.js`, which handles streams where they are native. In and out: ranges, byte
//! arrays and streams as JavaScript has them.

use js_sys::{BigUint64Array, Uint8Array};
use worker::wasm_bindgen::{self, JsValue, prelude::wasm_bindgen};
use worker::worker_sys::web_sys::ReadableStream;

#[wasm_bindgen(module = "/src/glue.js")]
extern "C" {
    /// What a read or a pipeline gave; which of the getters mean something depends on `kind`.
    pub(crate) type Answer;

    /// Empty where all is well, else `missing`, `late` or `failed`.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn kind(this: &Answer) -> String;

    /// What failed, in words fit for a client.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn message(this: &Answer) -> String;

    /// The bytes read.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn bytes(this: &Answer) -> Uint8Array;

    /// Bytes of the whole object.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn size(this: &Answer) -> u64;

    /// Entity tag of the object, bare.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn etag(this: &Answer) -> String;

    /// When the object was written, milliseconds since 1970; 0 where the store does not say.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn modified(this: &Answer) -> u64;

    /// The body a pipeline fills.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Answer) -> ReadableStream;

    /// Reads `[start, end)` of an object.
    #[wasm_bindgen(js_name = readRange)]
    pub(crate) async fn read_range(
        bucket: &JsValue,
        address: &str,
        start: u64,
        end: u64,
        patience_ms: u32,
    ) -> JsValue;

    /// Writes an object of a bucket unless there is one.
    #[wasm_bindgen(js_name = writeNew)]
    pub(crate) async fn write_new(bucket: &JsValue, key: &str, bytes: Uint8Array);

    /// Whether a signature over SHA-256 is that of a public key: RSA by modulus and exponent where
    /// there is no `curve`, else ECDSA by x and y.
    pub(crate) async fn verify(
        curve: &str,
        first: Uint8Array,
        second: Uint8Array,
        message: Uint8Array,
        signature: Uint8Array,
    ) -> JsValue;

    /// The body of a request; `undefined` where it is longer than `most` bytes.
    #[wasm_bindgen(js_name = readBody)]
    pub(crate) async fn read_body(request: &JsValue, most: u32) -> JsValue;

    /// Looks a key up in the data centre's cache.
    pub(crate) async fn cached(key: &str) -> JsValue;

    /// Puts bytes into the data centre's cache.
    pub(crate) async fn keep(
        key: &str,
        bytes: Uint8Array,
        size: u64,
        etag: &str,
        modified: u64,
        seconds: u32,
    );

    /// A response body under construction.
    pub(crate) type Pipeline;

    /// Nothing yet.
    #[wasm_bindgen(constructor)]
    pub(crate) fn new(bucket: &JsValue, patience_ms: u32) -> Pipeline;

    /// Adds bytes in hand.
    #[wasm_bindgen(method)]
    pub(crate) fn inline(this: &Pipeline, bytes: Uint8Array);

    /// Adds stretches of a stored object.
    #[wasm_bindgen(method)]
    pub(crate) fn stored(
        this: &Pipeline,
        object: &str,
        address: &str,
        start: u64,
        end: u64,
        size: u64,
        etag: &str,
        keep: BigUint64Array,
        kept: &str,
    );

    /// Encrypts the body.
    #[wasm_bindgen(method)]
    pub(crate) fn encrypt(this: &Pipeline, cipher: Encrypter);

    /// Opens what is stored and begins to fill the body.
    #[wasm_bindgen(method)]
    pub(crate) async fn open(this: &Pipeline, length: u64) -> JsValue;

    /// Inputs and a body of an exchange of bytes with core.
    pub(crate) type Exchange;

    /// Nothing yet.
    #[wasm_bindgen(constructor)]
    pub(crate) fn new(bucket: &JsValue, patience_ms: u32) -> Exchange;

    /// Adds stretches of a stored object to the end of input `number`.
    #[wasm_bindgen(method)]
    pub(crate) fn stored(
        this: &Exchange,
        number: u32,
        object: &str,
        address: &str,
        start: u64,
        end: u64,
        size: u64,
        etag: &str,
        keep: BigUint64Array,
        kept: &str,
    );

    /// Encrypts what is written.
    #[wasm_bindgen(method)]
    pub(crate) fn encrypt(this: &Exchange, cipher: Encrypter);

    /// Opens the first stretch of each input, and the body.
    #[wasm_bindgen(method)]
    pub(crate) async fn open(this: &Exchange, length: Option<u64>) -> JsValue;

    /// The next bytes of an input.
    #[wasm_bindgen(method, catch)]
    pub(crate) async fn read(this: &Exchange, number: u32) -> Result<JsValue, JsValue>;

    /// Where so many bytes to write go.
    #[wasm_bindgen(method)]
    pub(crate) fn room(this: &Exchange, length: u32) -> Uint8Array;

    /// Writes to the body, and waits until that is taken.
    #[wasm_bindgen(method, catch)]
    pub(crate) async fn write(this: &Exchange, bytes: Uint8Array) -> Result<JsValue, JsValue>;

    /// Ends the body.
    #[wasm_bindgen(method, catch)]
    pub(crate) async fn close(this: &Exchange) -> Result<JsValue, JsValue>;

    /// Breaks the body off.
    #[wasm_bindgen(method)]
    pub(crate) async fn abort(this: &Exchange, reason: &str);
}

#[wasm_bindgen(module = "/src/calls.js")]
extern "C" {
    /// What came of a call.
    pub(crate) type Reply;

    /// Empty where there is an answer, else `late`, `long` or `failed`.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn kind(this: &Reply) -> String;

    /// Its status.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn status(this: &Reply) -> u16;

    /// `Content-Type`
    #[wasm_bindgen(method, getter, js_name = type)]
    pub(crate) fn content_type(this: &Reply) -> String;

    /// Its body.
    #[wasm_bindgen(method, getter)]
    pub(crate) fn bytes(this: &Reply) -> Uint8Array;

    /// Calls a server; `headers` are lines, of a name and of its value in turn.
    pub(crate) async fn call(
        method: &str,
        address: &str,
        headers: &str,
        body: Uint8Array,
        most: u32,
        patience_ms: u32,
    ) -> JsValue;
}

#[wasm_bindgen(module = "/src/cipher.js")]
extern "C" {
    /// A body being encrypted by `WebCrypto`.
    pub(crate) type Encrypter;

    /// By a plan: see `cipher.js`.
    #[wasm_bindgen(constructor)]
    pub(crate) fn new(
        key: Uint8Array,
        counter_mode: bool,
        skip: u8,
        padded: bool,
        window: BigUint64Array,
        vectors: Uint8Array,
        ranges: BigUint64Array,
    ) -> Encrypter;
}
