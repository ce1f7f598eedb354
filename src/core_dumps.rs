//! Keeps the memory of this process, with the token in it, out of core dumps. Where the system does
//! not offer that, nothing happens.

/// From now on a crash leaves no dump, and no other process of the user can read the memory.
pub fn forbid_core_dumps() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        let _ = setrlimit(Resource::Core, none);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        // A program that collects dumps gets them whatever the limit says.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}
