package system.authz_test

import rego.v2

import data.system.authz

access := {"token_sha256": crypto.sha256("secret")}

question := {"identity": "secret", "method": "POST", "path": ["v1", "data", "promotion", "decision"]}

health := {"identity": "secret", "method": "GET", "path": ["health"]}

test_the_one_question if authz.allow with input as question with data.access as access

test_health if authz.allow with input as health with data.access as access

test_refuses[note] if {
	some note, asked in {
		"nothing": {},
		"no token": object.remove(question, ["identity"]),
		"null": object.union(question, {"identity": null}),
		"another token": object.union(question, {"identity": "Secret"}),
		"the digest": object.union(question, {"identity": access.token_sha256}),
		"health without a token": object.remove(health, ["identity"]),
		"reading": object.union(question, {"method": "GET"}),
		"health by post": object.union(health, {"method": "POST"}),
		"the package": object.union(question, {"path": ["v1", "data", "promotion"]}),
		"below the question": object.union(question, {"path": ["v1", "data", "promotion", "decision", "allow"]}),
		"the token's digest": object.union(question, {"path": ["v1", "data", "access"]}),
		"query": object.union(question, {"path": ["v1", "query"]}),
		"policies": object.union(health, {"path": ["v1", "policies"]}),
		"another version": object.union(question, {"path": ["v0", "data", "promotion", "decision"]}),
	}
	authz.allow == false with input as asked with data.access as access
}

test_refuses_everyone_without_a_digest[note] if {
	some note, found in {"none": {}, "null": {"token_sha256": null}, "token": {"token_sha256": "secret"}}
	not authz.allow with input as question with data.access as found
}

# The strict mode of OPA makes an error of this, and an error is no leave either.
test_refuses_an_identity_that_is_no_text if {
	not authz.allow with input as object.union(question, {"identity": ["secret"]}) with data.access as access
}
