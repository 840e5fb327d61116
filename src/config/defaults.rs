//! The defaults of the sections, taken from the declarations of the options.

/// Implements `Default` for a section: the values of its options if the command line gives none.
macro_rules! default_from_flags {
    ($section:ident) => {
        impl Default for $section {
            fn default() -> Self {
                let command = clap::Command::new("defaults").no_binary_name(true);
                let matches =
                    <Self as clap::Args>::augment_args(command).get_matches_from(std::iter::empty::<&str>());
                <Self as clap::FromArgMatches>::from_arg_matches(&matches)
                    .expect("every option has a default")
            }
        }
    };
}
pub(super) use default_from_flags;
