# METADATA
# title: Who may ask OPA what
# description: Whoever holds the token may ask the one question, or whether OPA is well; all else is refused.
package system.authz

import rego.v2

default allow := false

allow if {
	holds_the_token
	input.method == "POST"
	input.path == ["v1", "data", "promotion", "decision"]
}

allow if {
	holds_the_token
	input.method == "GET"
	input.path == ["health"]
}

# The digest is in a bundle of its own: each server makes a new token, and the policy stays the same.
holds_the_token if {
	is_string(input.identity)
	crypto.sha256(input.identity) == data.access.token_sha256
}
