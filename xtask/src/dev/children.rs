//! Programs that run while we do.  In: commands. Out: their end with ours, and that of whatever
//! they started themselves.

use core::time::Duration;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread::sleep;
use std::time::Instant;

use crate::Result;
use crate::run::say;

/// How long a child may take to end after being asked to.
const FAREWELL: Duration = Duration::from_secs(5);

const STEP: Duration = Duration::from_millis(100);

/// Running children; they end when this is dropped.
#[derive(Debug, Default)]
pub(super) struct Children(Vec<(&'static str, Child)>);

impl Children {
    /// Starts a child in a process group of its own.
    pub(super) fn start(&mut self, name: &'static str, command: &mut Command) -> Result<()> {
        adopt();
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(command, 0);
        command.stdin(std::process::Stdio::null());
        let child = command.spawn().map_err(|error| {
            let program = command.get_program().display();
            format!("{name} could not be started: {program}: {error}")
        })?;
        self.0.push((name, child));
        Ok(())
    }

    /// Waits until `url` gives any answer.
    pub(super) fn wait_for(
        &mut self,
        url: &str,
        stopped: &Receiver<()>,
        patience: Duration,
    ) -> Result<()> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(2)))
            .build()
            .into();
        let begun = Instant::now();
        while begun.elapsed() < patience {
            if agent.get(url).call().is_ok() {
                return Ok(());
            }
            self.all_run()?;
            match stopped.recv_timeout(STEP) {
                Err(RecvTimeoutError::Timeout) => {}
                Ok(()) | Err(RecvTimeoutError::Disconnected) => {
                    return Err("stopped before everything ran".into());
                }
            }
        }
        let seconds = patience.as_secs();
        Err(format!("{url} gave no answer in {seconds} s; its program's own words stand above"))
    }

    /// Waits for Ctrl-C; fails when a child ends before.
    pub(super) fn run_until(&mut self, stopped: &Receiver<()>) -> Result<()> {
        loop {
            match stopped.recv_timeout(STEP) {
                Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) => self.all_run()?,
            }
        }
    }

    fn all_run(&mut self) -> Result<()> {
        for (name, child) in &mut self.0 {
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("{name} ended ({status}); its own words stand above"));
            }
        }
        Ok(())
    }
}

impl Drop for Children {
    fn drop(&mut self) {
        while let Some((name, mut child)) = self.0.pop() {
            say(format_args!("ending {name}"));
            signal(&child, Signal::Please);
            let asked = Instant::now();
            while matches!(child.try_wait(), Ok(None)) && asked.elapsed() < FAREWELL {
                sleep(STEP);
            }
            // What the child leaves behind is still in its group.
            signal(&child, Signal::Now);
            // Where there are no groups; it may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
            bury(&child);
        }
    }
}

/// Orphans of our children become ours: not every container has an init that sees them off.
fn adopt() {
    #[cfg(target_os = "linux")]
    // Without it they go to init, as ever.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
}

/// Waits for the ended orphans of a child.
fn bury(child: &Child) {
    #[cfg(target_os = "linux")]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        while rustix::process::waitpgid(group, rustix::process::WaitOptions::empty()).is_ok() {}
    }
    #[cfg(not(target_os = "linux"))]
    let _ = child;
}

#[derive(Debug, Clone, Copy)]
enum Signal {
    Please,
    Now,
}

#[cfg(unix)]
fn signal(child: &Child, signal: Signal) {
    use rustix::process::{Pid, Signal as Unix, kill_process, kill_process_group};
    let Some(id) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) else { return };
    // Who is gone needs no signal.
    let _ = match signal {
        // The child alone, so that it can end its own children and see them off.
        Signal::Please => kill_process(id, Unix::TERM),
        Signal::Now => kill_process_group(id, Unix::KILL),
    };
}

#[cfg(not(unix))]
fn signal(child: &Child, signal: Signal) {
    if matches!(signal, Signal::Please) {
        let id = child.id().to_string();
        let _ = Command::new("taskkill").args(["/T", "/F", "/PID", &id]).output();
    }
}
