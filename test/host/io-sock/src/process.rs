//! The io-sock process from start to end.

use crate::{
    cli::{self, Options},
    kenv::Kenv,
    kernel::{Config, Kernel},
    search::SearchPath,
    serve::Services,
    stack,
};
use std::{env, ffi::OsString, fs, io::Write, process::ExitCode};

/// Runs io-sock with these arguments until `SIGTERM`, `SIGINT` or a client's `stop`. `diag`: as io-sock-diag.
///
/// Status 0: everything was unloaded. 1: it could not start, or a module refused to go. 2: the command line is wrong.
pub fn main(args: impl Iterator<Item = OsString>, diag: bool) -> ExitCode {
    let options = match Options::parse(args) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("io-sock: {error}");
            return ExitCode::from(2);
        }
    };
    if options.help {
        println!("{}", cli::USAGE);
        return ExitCode::SUCCESS;
    }
    match run(&options, diag) {
        Ok(()) => ExitCode::SUCCESS,
        Err(lines) => {
            lines.iter().for_each(|line| eprintln!("io-sock: {line}"));
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options, diag: bool) -> Result<(), Vec<String>> {
    // Before any thread is made: all of them leave these signals to this one.
    let signals = Signals::block();
    let kernel = start(options, diag).map_err(|line| vec![line])?;
    // Modules are loaded and unloaded by this thread.
    let _thread = stack::ThisThread::attach("main");
    let services = Services::attach(kernel, &options.prefix).map_err(|line| vec![line])?;
    for module in &options.modules {
        match kernel.mount(module) {
            Ok(node) => kernel.verbose(|| format!("{node}: loaded")),
            // As on the target: io-sock goes on, the node is absent.
            Err(error) => eprintln!("io-sock: cannot load {}: {error}", module.name),
        }
    }
    let services = services.serve().map_err(|line| vec![line])?;
    println!("io-sock: ready");
    let _ = std::io::stdout().flush();

    signals.wait();
    services.stop();
    let refused = kernel.shutdown();
    stack::settle();
    if refused.is_empty() {
        return Ok(());
    }
    Err(refused
        .into_iter()
        .map(|(node, error)| format!("cannot unload {node}: {error}"))
        .collect())
}

fn start(options: &Options, diag: bool) -> Result<&'static Kernel, String> {
    let kenv = Kenv::default();
    if !options.prefix.is_empty() {
        // ON-TARGET: how io-sock tells a module its prefix is not documented; the environment is our reading.
        kenv.set("qnx.prefix", &options.prefix);
    }
    if let Some(path) = &options.config {
        let text =
            fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        kenv.read_config(&text)
            .map_err(|error| format!("{}, {error}", path.display()))?;
    }
    let search = SearchPath::new(env::var_os("LD_LIBRARY_PATH"), diag);
    let kernel = Kernel::start(
        Config {
            search,
            diag,
            verbose: options.bootverbose,
        },
        kenv,
    );
    Ok(kernel)
}

/// The signals that end io-sock, blocked and waited for.
struct Signals(libc::sigset_t);

impl Signals {
    fn block() -> Self {
        let mut set = std::mem::MaybeUninit::<libc::sigset_t>::uninit();
        // SAFETY: the set is filled before it is used; adding valid signals and setting the mask cannot fail.
        unsafe {
            libc::sigemptyset(set.as_mut_ptr());
            libc::sigaddset(set.as_mut_ptr(), libc::SIGTERM);
            libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
            let set = set.assume_init();
            libc::pthread_sigmask(libc::SIG_BLOCK, &set, std::ptr::null_mut());
            // A peer that closes is an error number, not a signal.
            libc::signal(libc::SIGPIPE, libc::SIG_IGN);
            Self(set)
        }
    }

    fn wait(&self) {
        let mut signal = 0;
        // SAFETY: a filled set and a place for the number.
        while unsafe { libc::sigwait(&self.0, &mut signal) } != 0 {}
    }
}

/// Ends this io-sock as `SIGTERM` does.
pub fn stop() {
    // SAFETY: a signal to ourselves, which `Signals::wait` takes.
    unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
}
