# METADATA
# title: Laws of the policy's Rego
# description: What `opa check` does not ask for; the input maps a path below the policy's folder to its text.
package tools.policy_laws

import rego.v2

modules[path] := rego.parse_module(path, text) if some path, text in input

names(parts) := concat(".", [part.value | some part in parts])

is_test(path) if endswith(path, "_test.rego")

# METADATA
# title: Without rego.v2 the negation of an undefined call is undefined, and a denial vanishes
broken contains {"path": path, "law": "imports rego.v2"} if {
	some path, module in modules
	not "rego.v2" in {names(imported.path.value) | some imported in object.get(module, "imports", [])}
}

# METADATA
# title: What is not decided is denied
broken contains {"path": path, "law": "no default is true"} if {
	some path, module in modules
	some rule in object.get(module, "rules", [])
	rule["default"]
	rule.head.value.value == true
}

# METADATA
# title: A denial whose head looks something up vanishes where that is undefined; a template string does not
broken contains {"path": path, "law": "a denial's head is constants, variables and template strings"} if {
	some path, module in modules
	some rule in object.get(module, "rules", [])
	names(rule.head.ref) == "deny"
	some field in ["key", "value"]
	walk(rule.head[field], [place, term])
	term.type in {"call", "ref"}
	not "parts" in place
}

# METADATA
# title: A second test of one name would be the first one's other body
broken contains {"path": path, "law": $"{name} is one test"} if {
	some path, module in modules
	is_test(path)
	tests := [rule.head.ref[0].value | some rule in object.get(module, "rules", [])]
	some name in tests
	startswith(name, "test_")
	count([same | some same in tests; same == name]) > 1
}

# METADATA
# title: Where a package is, is what it is called
broken contains {"path": path, "law": "the package is the path"} if {
	some path, module in modules
	names(module["package"].path) != replace(trim_suffix($"data/{path}", ".rego"), "/", ".")
}

# METADATA
# title: A policy says what it is for
broken contains {"path": path, "law": "METADATA has a title and a description"} if {
	some path, _ in modules
	not is_test(path)
	not regex.match(`^# METADATA\n# title: \S.*\n# description: \S`, input[path])
}

# METADATA
# title: A gate has its tests beside it
broken contains {"path": path, "law": "a test file stands beside it"} if {
	some path, _ in modules
	not is_test(path)
	not input[$"{trim_suffix(path, ".rego")}_test.rego"]
}
