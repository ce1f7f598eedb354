//! How the API's version 2.0 spells what is read: the addresses of its lists. What a reply says is in
//! [`super::held`].

use reqwest::Url;

use super::BaseUrl;

/// What can be read, each with one GET.
#[derive(Debug, Clone, Copy)]
pub enum ReadRequest {
    /// A page of customers, from 1 on, with their custom fields.
    Customers { page: u64 },
    /// A page of organisations, from 1 on.
    Organizations { page: u64 },
}

impl ReadRequest {
    /// The request's address. `None` if the parser changes it, which no valid base URL is known to
    /// cause.
    pub(super) fn url(self, base: &BaseUrl) -> Option<Url> {
        let path = match self {
            Self::Customers { page } => format!("customer/list?page={page}&show_custom_fields=1"),
            Self::Organizations { page } => format!("organization/list?page={page}"),
        };
        let text = format!("{base}/v2.0/{path}");
        Url::parse(&text).ok().filter(|url| url.as_str() == text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_reading() {
        let base = BaseUrl::parse("https://x.test/api/").unwrap();
        let url = |request: ReadRequest| request.url(&base).unwrap().to_string();
        assert_eq!(
            url(ReadRequest::Customers { page: 7 }),
            "https://x.test/api/v2.0/customer/list?page=7&show_custom_fields=1"
        );
        assert_eq!(
            url(ReadRequest::Organizations { page: 1 }),
            "https://x.test/api/v2.0/organization/list?page=1"
        );
    }
}
