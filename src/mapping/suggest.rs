//! Suggests the known column that an unknown one was probably meant to be.

use super::Target;

/// The name that `column` was probably meant to be: a known name at edit distance 1 (2 from six
/// letters on), or a custom field in another notation (`campo_abc`, `campo abc01`, `campos[abc01]`).
pub fn suggestion(column: &str) -> Option<String> {
    let name = column.trim().to_lowercase();
    if let Some(id) = foreign_campo(column.trim()) {
        return Some(format!("campo:{id}"));
    }
    Target::fixed()
        .map(|target| target.to_string())
        .map(|known| (strsim::osa_distance(&known, &name), known))
        .filter(|(distance, known)| {
            let allowed = if known.chars().count() >= 6 { 2 } else { 1 };
            (1..=allowed).contains(distance)
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The id in `campo_abc`, `campo abc01`, `campo-abc`, `campos[abc01]`, `campos['abc01']`,
/// `campos:abc01`.
fn foreign_campo(column: &str) -> Option<&str> {
    const PREFIX: &str = "campo";
    let prefix = column.get(..PREFIX.len())?;
    if !prefix.eq_ignore_ascii_case(PREFIX) {
        return None;
    }
    let rest = &column[PREFIX.len()..];
    let rest = rest.strip_prefix(['s', 'S']).unwrap_or(rest);
    if !rest.starts_with([' ', '_', '-', '.', '[', '(', ':', '=', '#']) {
        return None;
    }
    let id = rest.trim_matches(|c: char| c.is_whitespace() || "_-.[]()'\":=#".contains(c));
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::suggestion;

    #[test]
    fn typos_are_recognised() {
        for (column, suggested) in [
            ("identificadr", "identificador"),
            ("Idenfiticador", "identificador"),
            ("nmoe", "nome"),
            ("telefones", "telefone"),
            ("idiona", "idioma"),
            ("id_organização", "id_organizacao"),
            ("campo_abc", "campo:abc"),
            ("campo abc01", "campo:abc01"),
            ("campos[abc01]", "campo:abc01"),
            ("Campos['abc01']", "campo:abc01"),
            ("campos:7", "campo:7"),
        ] {
            assert_eq!(suggestion(column).as_deref(), Some(suggested), "{column}");
        }
    }

    #[test]
    fn other_columns_are_left_alone() {
        for column in ["Empresa", "Cidade", "Fone", "campo", "campanha", "Sobrenome", "", "CNPJ"] {
            assert_eq!(suggestion(column), None, "{column}");
        }
    }
}
