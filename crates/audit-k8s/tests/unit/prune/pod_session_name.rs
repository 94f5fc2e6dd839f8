//! Which names of a session are kept.

use audit_core::model::Container;
use serde_json::json;

use super::container;

#[test]
fn a_session_name_is_kept_where_sts_refuses_it() {
    for (value, kept) in [
        ("shop/cart", true),
        ("cart", false),
        ("", false),
        // What is defined nowhere before it stays as it is.
        ("$(UNSEEN)-x", true),
        ("$(LATER)-x", true),
        ("$(OTHER)-x", false),
        ("$(FIELD)-x", false),
        ("$(CART_SERVICE_HOST)-x", false),
        ("$(CART_PORT_80_TCP_ADDR)-x", false),
        ("$(UNSEEN", true),
        ("$$(UNSEEN)", true),
    ] {
        let env = json!([
            { "name": "OTHER", "value": "other" },
            { "name": "FIELD", "valueFrom": { "fieldRef": { "fieldPath": "metadata.name" } } },
            { "name": "AWS_ROLE_SESSION_NAME", "value": value },
            { "name": "LATER", "value": "later" }
        ]);
        let name = |read: Container| read.rarities.and_then(|rarities| rarities.refused_session_name);
        let plain = container(json!({ "env": env }));
        let value = value.replace("$$", "$");
        assert_eq!(name(plain), kept.then(|| value.clone()), "{value}");
        let more = container(json!({ "env": env, "envFrom": [{ "configMapRef": { "name": "c" } }] }));
        let is_certain = kept && !(value.contains("(UNSEEN)-") || value.contains("(LATER)"));
        assert_eq!(name(more), is_certain.then_some(value));
    }
}
