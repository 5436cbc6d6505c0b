//! What the tests of the program share.

use std::path::Path;
use std::process::Command;

/// Runs the program in a folder, with only these variables; returns code, standard output and standard error.
pub(super) fn halles(folder: &Path, variables: &[(&str, &str)], line: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_halles"))
        .args(line.split_whitespace())
        .current_dir(folder)
        .env_clear()
        .envs(variables.iter().copied())
        .output()
        .expect("the program runs");
    let code = output.status.code().expect("no signal");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let (out, err) = (text(output.stdout), text(output.stderr));
    format!("exit code: {code}\n----- stdout -----\n{out}----- stderr -----\n{err}")
}
