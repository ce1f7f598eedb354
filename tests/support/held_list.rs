//! A list of customers as the API's version 2.0 answers it, for scripts of the server.

use serde_json::{Value, json};

use super::reply::Reply;
use super::request::Request;

/// Customers on one page.
pub const PER_PAGE: usize = 50;

/// A customer as the list shows it: e-mail and name, without internal identifier and fields.
pub fn customer(email: &str, name: &str) -> Value {
    json!({
        "id": null, "name": name, "email": email, "phone": "", "monthly_tickets_quota": 0,
        "allowed_create_tickets": true, "email_validated": true, "active": true,
        "account_approved": true, "organization": {"id": null, "name": null},
        "creation_date": "2024-01-31", "custom_fields": []
    })
}

/// `count` customers with different e-mails.
pub fn customers(count: usize) -> Vec<Value> {
    (0..count).map(|n| customer(&format!("c{n:05}@x.com"), &format!("Cliente {n}"))).collect()
}

/// The page that a request asks for.
pub fn page_number(request: &Request) -> usize {
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let page = query.split('&').find_map(|pair| pair.strip_prefix("page="));
    page.and_then(|page| page.parse().ok()).expect("a page number")
}

/// The page as the API answers it; past the end 404.
pub fn page(all: &[Value], number: usize) -> Reply {
    let pages = all.len().div_ceil(PER_PAGE).max(1);
    if number > pages {
        return Reply::json(404, r#"{"error":true,"message":"page not found","errorcode":404}"#);
    }
    let items: Vec<_> = all.iter().skip((number - 1) * PER_PAGE).take(PER_PAGE).collect();
    let next = (number < pages).then_some(number + 1);
    let body = json!({
        "error": false, "message": null, "success": true, "data": items, "size": all.len(),
        "pages": pages, "next_page": next, "previous_page": (number > 1).then_some(number - 1)
    });
    Reply::json(200, &body.to_string())
}
