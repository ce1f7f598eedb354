//! `completions`: the script by which a shell completes what is being typed.

use clap_complete::Shell;

pub(super) fn script(shell: Shell) -> String {
    let name = env!("CARGO_PKG_NAME");
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut crate::cli::command(), name, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        // clap_complete 4.6 looks up and registers a name with a hyphen under two spellings, so that
        // nothing after a subcommand would be completed. Harmless once both are the same.
        Shell::Bash => script.replace(&name.replace('-', "__subcmd__"), &name.replace('-', "__")),
        _ => script,
    }
}
