//! What a deployment sets.  In: the worker's variables, secrets and bindings (`wrangler.toml`).
//! Out: [`Settings`], or a sentence that names the variable at fault.

use alloc::rc::Rc;
use core::cell::RefCell;

use js_sys::Reflect;
use selvedge_core::access::player_token::KeyRing;
use selvedge_core::access::{Expected, Secret};
use selvedge_core::cipher::{KeySeed, MasterKey};
use selvedge_core::job::{Calls, Config, Gateway, ServerHeaders};
use worker::Env;
use worker::wasm_bindgen::JsValue;

use crate::store::Place;

/// Longest wait for a store: the platform ends a silent request after 100 s.
const LONGEST_PATIENCE_MS: u32 = 90_000;

/// A deployment's settings.
#[derive(Debug)]
pub(crate) struct Settings {
    /// What the core wants to know.
    pub(crate) core: Config,
    /// Where objects are kept.
    pub(crate) place: Place,
    /// Name of the store in cache keys, so that two deployments in one zone never meet.
    pub(crate) scope: String,
    /// Keep what segments are made of in the data centre's cache.
    pub(crate) cache_media: bool,
    /// How long a store may take to answer, milliseconds.
    pub(crate) patience_ms: u32,
    /// Say in headers what a request cost.
    pub(crate) dev: bool,
}

thread_local! {
    /// A deployment's settings are those of its isolates for as long as these live.
    static SETTINGS: RefCell<Option<Rc<Settings>>> = const { RefCell::new(None) };
}

impl Settings {
    /// Those of this isolate, read once.
    pub(crate) fn of(env: &Env) -> Result<Rc<Self>, String> {
        if let Some(settings) = SETTINGS.with_borrow(Option::clone) {
            return Ok(settings);
        }
        let settings = Rc::new(Self::read(env)?);
        SETTINGS.with_borrow_mut(|kept| *kept = Some(Rc::clone(&settings)));
        Ok(settings)
    }

    /// Reads the variables `STORE`, `ORIGIN_URL`, `ORIGIN_TIMEOUT_MS`, `CACHE_SCOPE`,
    /// `CACHE_MEDIA`, `ENDPOINT`, `MAX_AGE`, `CHECK_ETAGS`, `MAX_MOOV`, `EXPLAIN`, `DEV`, those of
    /// [`gateway`] and [`calls`], the secrets `ORIGIN_SECRET`, `MASTER_KEY` and `KEY_SEED`, and
    /// the bucket binding `MEDIA`.
    fn read(env: &Env) -> Result<Self, String> {
        let defaults = Config::default();
        let place = place(env)?;
        let scope = match (text(env, "CACHE_SCOPE"), &place) {
            (Some(scope), _) => scope,
            (None, Place::Bucket(_)) => String::from("r2"),
            (None, Place::Origin { url, .. }) => url.clone(),
        };
        let patience_ms = number(env, "ORIGIN_TIMEOUT_MS")?.unwrap_or(10_000);
        if !(1..=LONGEST_PATIENCE_MS).contains(&patience_ms) {
            return Err(format!(
                "ORIGIN_TIMEOUT_MS is {patience_ms}, not 1 to {LONGEST_PATIENCE_MS}"
            ));
        }
        Ok(Self {
            core: Config {
                endpoint: text(env, "ENDPOINT").unwrap_or(defaults.endpoint),
                max_age: number(env, "MAX_AGE")?.unwrap_or(defaults.max_age),
                check_etags: flag(env, "CHECK_ETAGS")?.unwrap_or(defaults.check_etags),
                max_moov: number(env, "MAX_MOOV")?.map_or(defaults.max_moov, u64::from),
                master_key: text(env, "MASTER_KEY")
                    .map(|text| MasterKey::from_hex(&text))
                    .transpose()
                    .map_err(|error| format!("MASTER_KEY: {error}"))?,
                key_seed: text(env, "KEY_SEED")
                    .map(|text| KeySeed::from_base64(&text))
                    .transpose()
                    .map_err(|error| format!("KEY_SEED: {error}"))?,
                gateway: gateway(env)?,
                calls: calls(env)?,
                explain: flag(env, "EXPLAIN")?.unwrap_or(defaults.explain),
            },
            place,
            scope,
            cache_media: flag(env, "CACHE_MEDIA")?.unwrap_or(true),
            patience_ms,
            dev: flag(env, "DEV")?.unwrap_or(false),
        })
    }
}

/// The variables `TOKEN_REQUIRED`, `TOKEN_PARAMETER`, `TOKEN_REVOKED`, `TOKEN_ISSUER`,
/// `TOKEN_AUDIENCE` and `TOKEN_KEYS`, and the secret `TOKEN_SECRETS`.
fn gateway(env: &Env) -> Result<Gateway, String> {
    let defaults = Gateway::default();
    let ring = text(env, "TOKEN_SECRETS").unwrap_or_default().parse::<KeyRing>();
    let ring = ring.map_err(|error| format!("TOKEN_SECRETS: {error}"))?;
    let required = flag(env, "TOKEN_REQUIRED")?.unwrap_or(defaults.required);
    let keys = text(env, "TOKEN_KEYS").map(|text| Gateway::keys_of(text.as_bytes()));
    let keys = keys.transpose().map_err(|error| format!("TOKEN_KEYS: {error}"))?;
    let gateway = Gateway {
        ring,
        keys: keys.unwrap_or_default(),
        required,
        parameter: text(env, "TOKEN_PARAMETER").unwrap_or(defaults.parameter),
        revoked: text(env, "TOKEN_REVOKED"),
        expected: Expected {
            issuer: text(env, "TOKEN_ISSUER"),
            audience: text(env, "TOKEN_AUDIENCE"),
            ..Expected::default()
        },
    };
    if required && gateway.is_closed() {
        return Err("TOKEN_REQUIRED is set, TOKEN_SECRETS and TOKEN_KEYS are not".into());
    }
    Ok(gateway)
}

/// The variables `CALL_PRIVATE` and `CALL_TIMEOUT_MS` and the secret `LICENSE_HEADERS`.
fn calls(env: &Env) -> Result<Calls, String> {
    let headers = text(env, "LICENSE_HEADERS").map(|text| ServerHeaders::from_json(&text));
    let headers = headers.transpose().map_err(|error| format!("LICENSE_HEADERS: {error}"))?;
    let private = flag(env, "CALL_PRIVATE")?.unwrap_or(false);
    let patience_ms = number(env, "CALL_TIMEOUT_MS")?.unwrap_or(Calls::default().patience_ms);
    Ok(Calls { private, patience_ms, headers: headers.unwrap_or_default() })
}

fn place(env: &Env) -> Result<Place, String> {
    match text(env, "STORE").as_deref() {
        Some("r2") => match binding(env, "MEDIA") {
            Some(bucket) => Ok(Place::Bucket(bucket)),
            None => Err("STORE is r2, but no bucket is bound as MEDIA".into()),
        },
        Some("origin") => {
            let url =
                text(env, "ORIGIN_URL").ok_or("STORE is origin, but ORIGIN_URL is not set")?;
            if !(url.starts_with("http://") || url.starts_with("https://")) {
                return Err("ORIGIN_URL does not begin with http:// or https://".into());
            }
            let secret = text(env, "ORIGIN_SECRET")
                .ok_or("STORE is origin, but the secret ORIGIN_SECRET is not set")?;
            let secret = Secret::new(secret.into_bytes())
                .map_err(|error| format!("ORIGIN_SECRET: {error}"))?;
            Ok(Place::Origin { url: url.trim_end_matches('/').to_owned(), secret })
        }
        Some(_) | None => Err("STORE is neither origin nor r2".into()),
    }
}

fn binding(env: &Env, name: &str) -> Option<JsValue> {
    Reflect::get(env, &JsValue::from(name)).ok().filter(|value| !value.is_null_or_undefined())
}

/// A variable as text. TOML numbers and booleans arrive as such.
fn text(env: &Env, name: &str) -> Option<String> {
    let value = binding(env, name)?;
    let text = value
        .as_string()
        .or_else(|| value.as_bool().map(|flag| flag.to_string()))
        .or_else(|| value.as_f64().map(|number| number.to_string()))?;
    Some(text).filter(|text| !text.is_empty())
}

fn number(env: &Env, name: &str) -> Result<Option<u32>, String> {
    let Some(text) = text(env, name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| format!("{name} is not a whole number below 2^32"))
}

fn flag(env: &Env, name: &str) -> Result<Option<bool>, String> {
    match text(env, name).as_deref() {
        None => Ok(None),
        Some("1" | "true") => Ok(Some(true)),
        Some("0" | "false") => Ok(Some(false)),
        Some(_) => Err(format!("{name} is neither 1 nor 0")),
    }
}
