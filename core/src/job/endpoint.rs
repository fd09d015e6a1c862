//! What a streaming endpoint's settings do to a request.  In: the settings, read beside the
//! locator.  Out: whether to go on, the files at the root, and headers for pages of other origins.

use alloc::format;
use alloc::string::String;

use crate::delivery::{Endpoint, endpoint_object};
use crate::error::{AmsCode, Error};
use crate::job::answer::Answer;
use crate::job::seam::{Body, Read, Response};
use crate::job::{Job, Next};
use crate::source::name_fault;

impl Job {
    /// The read of the settings.
    pub(super) fn endpoint_read(&mut self) -> Result<Read, Error> {
        if let Some(fault) = name_fault(&self.config.endpoint) {
            return Err(Error::bug(format!("the configured name of the endpoint {fault}")));
        }
        Ok(self.optional(endpoint_object(&self.config.endpoint)))
    }

    /// Takes the settings off the answers, and asks them whether to go on.
    pub(super) fn admit(&mut self) -> Result<(), Error> {
        let Some(endpoint) = self.answer()?.parsed(Endpoint::parse)? else { return Ok(()) };
        self.config.max_age = endpoint.max_age.unwrap_or(self.config.max_age);
        self.endpoint = endpoint;
        self.endpoint.admit(self.http.address)
    }

    /// Answers with one of the files at the root.
    pub(super) fn root_file(&mut self) -> Result<Next, Error> {
        self.admit()?;
        let text = self.endpoint.root_file(&self.http.path).ok_or_else(|| {
            let message = format!("the streaming endpoint has no {}", self.http.path);
            Error::not_found(AmsCode::ResourceNotFound, message)
        })?;
        let body = Body::Bytes(text.into());
        Ok(Next::Reply(Answer::new("application/xml", body)))
    }

    /// Where the settings name origins, tells browsers of the one that asked, or of none.
    pub(super) fn for_origin(&self, mut response: Response) -> Response {
        const ALLOW: &str = "Access-Control-Allow-Origin";
        let origin = self.http.origin.as_deref().unwrap_or_default();
        let Some(may_read) = self.endpoint.lets_read(origin) else { return response };
        response.headers.retain(|(name, _)| *name != ALLOW);
        if may_read {
            response.headers.push((ALLOW, String::from(origin)));
        }
        response.headers.push(("Vary", String::from("Origin"))); // Fetch §3.2.5
        response
    }
}
