//! Administers a running io-sock, with the command lines that QNX has for it.

use io_sock::control::client::{Control, Error};
use lexopt::Arg;
use std::{env, ffi::OsString, process::ExitCode};

const USAGE: &str = "\
io-sock-ctl mount -T io-sock [-o opt=val,...] NAME[,opt=val...]   load a module; the search path is io-sock's
io-sock-ctl umount /dev/io-sock/mods-NAME.so                      unload it
io-sock-ctl ls                                                    the nodes below /dev/io-sock
io-sock-ctl sysctl [NAME[=VALUE] | -a]                            read or write sysctls; of a node: all below it
io-sock-ctl sysctl -d [NAME]                                      what they are
io-sock-ctl stat                                                  counters
io-sock-ctl stop                                                  unload everything and end io-sock

SOCK=/alt selects the io-sock that was started with -o prefix=/alt.";

fn main() -> ExitCode {
    let args: Vec<OsString> = env::args_os().skip(1).collect();
    let command = match Command::parse(args) {
        Ok(command) => command,
        Err(line) => {
            eprintln!("io-sock-ctl: {line}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    if let Command::Help = command {
        println!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let prefix = env::var("SOCK").unwrap_or_default();
    match Control::open(&prefix).and_then(|control| command.run(&control)) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("io-sock-ctl: {}{error}", command.context());
            ExitCode::FAILURE
        }
    }
}

/// What to do.
enum Command {
    Help,
    Mount(String),
    Umount(String),
    List,
    Read(Option<String>),
    Describe(Option<String>),
    Write(String, String),
    Stat,
    Stop,
}

impl Command {
    fn parse(args: Vec<OsString>) -> Result<Self, String> {
        let mut parser = lexopt::Parser::from_args(args);
        let mut words = Vec::new();
        let mut options = Vec::new();
        let (mut all, mut describe) = (false, false);
        let failed = |error: lexopt::Error| error.to_string();
        let text = |word: OsString| {
            word.into_string()
                .map_err(|word| format!("{} is not UTF-8", word.display()))
        };
        while let Some(arg) = parser.next().map_err(failed)? {
            match arg {
                Arg::Short('h') | Arg::Long("help") => return Ok(Self::Help),
                Arg::Short('T') => {
                    let kind = text(parser.value().map_err(failed)?)?;
                    if kind != "io-sock" {
                        return Err(format!("-T {kind}: only io-sock is mounted here"));
                    }
                }
                Arg::Short('a') => all = true,
                Arg::Short('d') => describe = true,
                Arg::Short('o') => options.push(text(parser.value().map_err(failed)?)?),
                Arg::Value(word) => words.push(text(word)?),
                other => return Err(other.unexpected().to_string()),
            }
        }
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if (all || describe) && !matches!(words.as_slice(), ["sysctl"] | ["sysctl", _]) {
            return Err("-a and -d are for sysctl".to_owned());
        }
        Ok(match words.as_slice() {
            ["sysctl", _] if all => return Err("-a takes no name".to_owned()),
            ["sysctl"] if describe => Self::Describe(None),
            ["sysctl", word] if describe => Self::Describe(Some((*word).to_owned())),
            ["mount", name] => Self::Mount(
                options
                    .iter()
                    .fold((*name).to_owned(), |name, option| name + "," + option),
            ),
            ["umount", node] => Self::Umount((*node).to_owned()),
            ["ls"] => Self::List,
            ["sysctl"] => Self::Read(None),
            ["sysctl", word] => match word.split_once('=') {
                Some((name, value)) => Self::Write(name.to_owned(), value.to_owned()),
                None => Self::Read(Some((*word).to_owned())),
            },
            ["stat"] => Self::Stat,
            ["stop"] => Self::Stop,
            [] => return Err("no command".to_owned()),
            _ => return Err(format!("unknown command '{}'", words.join(" "))),
        })
    }

    /// What stands before an error.
    fn context(&self) -> String {
        match self {
            Self::Mount(name) => format!("cannot mount {name}: "),
            Self::Umount(node) => format!("cannot umount {node}: "),
            _ => String::new(),
        }
    }

    fn run(&self, control: &Control) -> Result<String, Error> {
        let nothing = |()| String::new();
        match self {
            Self::Help => Ok(String::new()),
            // As mount(8): silent.
            Self::Mount(name) => control.mount(name).map(|_| String::new()),
            Self::Umount(node) => control.umount(node).map(nothing),
            Self::List => control
                .nodes()
                .map(|nodes| nodes.iter().fold(String::new(), |text, node| text + node + "\n")),
            Self::Describe(name) => control.describe(name.as_deref()),
            Self::Read(name) => control.sysctl(name.as_deref()),
            Self::Write(name, value) => control.set_sysctl(name, value),
            Self::Stat => control.stat(),
            Self::Stop => control.stop().map(nothing),
        }
    }
}
