//! Answers as bytes: AWS Query's XML and EKS' JSON.

use crate::error::ServiceError;
use crate::service::Service;
use crate::xml::Xml;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};
use std::io;

/// What an operation answers.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The inside of an AWS Query result.
    Xml(Xml),
    /// A JSON document.
    Json(Value),
}

/// The response of an operation that went well.
pub(crate) fn success(service: Service, operation: &str, request_id: &str, answer: Answer) -> Response<Body> {
    match answer {
        Answer::Xml(result) => {
            let result = result.into_text();
            let mut xml = Xml::default();
            xml.root(&format!("{operation}Response"), service.namespace(), |xml| {
                if !result.is_empty() {
                    xml.nest(&format!("{operation}Result"), |xml| {
                        xml.raw(&result);
                    });
                }
                xml.nest("ResponseMetadata", |xml| {
                    xml.leaf("RequestId", request_id);
                });
            });
            response(200, "text/xml", request_id, xml.into_text())
        }
        Answer::Json(value) => response(200, "application/json", request_id, value.to_string()),
    }
}

/// The response of an operation that failed.
pub(crate) fn failure(service: Service, request_id: &str, error: &ServiceError) -> Response<Body> {
    if service == Service::Eks {
        let body = json!({ "message": error.message }).to_string();
        let mut response = response(error.status, "application/json", request_id, body);
        if let Ok(code) = error.code.parse() {
            response.headers_mut().insert("x-amzn-errortype", code);
        }
        return response;
    }
    let mut xml = Xml::default();
    xml.root("ErrorResponse", service.namespace(), |xml| {
        xml.nest("Error", |xml| {
            xml.leaf("Type", if error.status < 500 { "Sender" } else { "Receiver" });
            xml.leaf("Code", &error.code).leaf("Message", &error.message);
        });
        xml.leaf("RequestId", request_id);
    });
    response(error.status, "text/xml", request_id, xml.into_text())
}

/// A response that says it went well and that nobody can read.
pub(crate) fn garbage(request_id: &str) -> Response<Body> {
    response(
        200,
        "text/html",
        request_id,
        "<html><body>\u{fffd}{\"<GetRoleResponse><".to_owned(),
    )
}

/// A response that makes the server close the connection before it has sent a byte.
pub(crate) fn dropped() -> Response<Body> {
    let broken = futures::stream::iter([Err::<Vec<u8>, _>(io::Error::other(
        "connection dropped on purpose",
    ))]);
    Response::new(Body::from_stream(broken))
}

fn response(status: u16, content_type: &'static str, request_id: &str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, axum::http::HeaderValue::from_static(content_type));
    if let Ok(id) = request_id.parse() {
        headers.insert("x-amzn-requestid", id);
    }
    response
}
