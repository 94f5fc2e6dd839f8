//! `irsa-audit audit` of files: processor time and memory, beside what `serde_json` takes to read the same files and keep nothing.
//! `cargo xtask bench offline` prints the figures; nothing is asserted about time.

mod input;
mod usage;

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::de::IgnoredAny;
use serde_json::Value;
use usage::Usage;

/// How often each is measured. The least processor time counts: what other programs do only adds to it.
const ROUNDS: usize = 3;

/// What is done with a file in comparison, by the word that asks for it.
const PASSES: [(&str, &str); 3] = [
    ("ignored", "`serde_json` into `IgnoredAny`, text in memory"),
    ("ignored-stream", "`serde_json` into `IgnoredAny`, from a reader"),
    ("value", "`serde_json` into `Value`, text in memory"),
];

/// The word that makes this program read files in one of the ways of [`PASSES`].
const PASS: &str = "pass";

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [pass, word, files @ ..] if pass == PASS => {
            let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
            Ok(read(word, &files)?)
        }
        // Cargo adds `--bench`.
        _ => measure(),
    }
}

/// Measures; prints the figures.
fn measure() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let files = files(folder.path())?;
    let mut bytes = 0;
    for file in &files {
        bytes += fs::metadata(file)?.len();
    }
    println!(
        "{} MB of JSON, {} bindings with {} pods each; least processor time of {ROUNDS}",
        bytes / 1_000_000,
        input::BINDINGS,
        input::PODS_EACH
    );
    println!("| what | processor time | in the program | in the kernel | resident memory at most |");
    println!("|---|---|---|---|---|");
    let (objects, outputs) = files.split_first().ok_or("no files")?;
    let mut audit = Command::new(env!("CARGO_BIN_EXE_irsa-audit"));
    audit.arg("audit").arg("--kubernetes").arg(objects);
    audit.arg("--aws").args(outputs).args(["--issuer", input::ISSUER]);
    let audited = least(&mut audit)?;
    print("`irsa-audit audit`", &audited);
    let mut ratios = Vec::new();
    for (word, what) in PASSES {
        let mut pass = Command::new(std::env::current_exe()?);
        let usage = least(pass.args([PASS, word]).args(&files))?;
        print(what, &usage);
        ratios.push(format!("{:.2} of {what}", audited.total() / usage.total()));
    }
    println!("the audit takes {}", ratios.join(", "));
    Ok(())
}

/// Reads files in one of the ways of [`PASSES`].
fn read(word: &str, files: &[PathBuf]) -> io::Result<()> {
    for file in files {
        match word {
            "ignored" => {
                let IgnoredAny = serde_json::from_slice(&fs::read(file)?)?;
            }
            "ignored-stream" => {
                let reader = BufReader::with_capacity(1 << 20, File::open(file)?);
                let IgnoredAny = serde_json::from_reader(reader)?;
            }
            _ => drop(serde_json::from_slice::<Value>(&fs::read(file)?)?),
        }
    }
    Ok(())
}

/// Makes the files: first the objects, then outputs of the AWS CLI.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (objects, account) = (folder.join("objects.json"), folder.join("account.json"));
    input::objects(&objects)?;
    input::account(&account)?;
    let mut files = vec![objects, account];
    for (at, output) in input::providers().iter().enumerate() {
        let path = folder.join(format!("provider-{at}.json"));
        fs::write(&path, output.to_string())?;
        files.push(path);
    }
    Ok(files)
}

/// The least that a program takes.
fn least(command: &mut Command) -> io::Result<Usage> {
    let mut least = usage::of(command)?;
    for _ in 1..ROUNDS {
        let usage = usage::of(command)?;
        if usage.total() < least.total() {
            least = usage;
        }
    }
    Ok(least)
}

fn print(what: &str, usage: &Usage) {
    println!(
        "| {what} | {:.2} s | {:.2} s | {:.2} s | {:.0} MB |",
        usage.total(),
        usage.user,
        usage.system,
        usage.memory
    );
}
