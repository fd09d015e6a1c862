//! What Selvedge costs. `worker/` measures the worker in the runtime it is deployed to; the
//! binary beside this file publishes the films it is measured with; `record/` keeps what was seen.
