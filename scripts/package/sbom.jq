# From cargo-cyclonedx's SBOM to that of a package. $crates: what cargo tree says, as "name version",
# since `cargo metadata` also lists crates that only tests or a weak feature (`toml_writer?/std`) name.
# $root: the folder it was made in, which does not belong into it.
($crates | split("\n") | map({(.): true}) | add) as $kept
| [.components[] | select($kept["\(.name) \(.version)"] | not) | ."bom-ref"] as $dropped
| .components |= map(select(."bom-ref" | IN($dropped[]) | not))
| .dependencies |= map(select(.ref | IN($dropped[]) | not) | .dependsOn? |= (. // [] | . - $dropped))
| walk(if type == "string" then split("file://" + $root) | join("file:///tomticket-sync") else . end)
