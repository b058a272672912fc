# METADATA
# title: Shapes
# description: Type checks that hold or are undefined, so that `not` turns every other value into a denial.
package lib.shape

import rego.v2

# A number within a pair of ends: OPA orders null and booleans below numbers, and text above them.
number_in(x, ends) if {
	is_number(x)
	is_number(ends[0])
	is_number(ends[1])
	ends[0] <= x
	x <= ends[1]
}

whole(x, least) if {
	is_number(x)
	is_number(least)
	x == floor(x)
	x >= least
}

text(x) if {
	is_string(x)
	x != ""
}

digest(x) if {
	is_string(x)
	regex.match(`^sha256:[0-9a-f]{64}$`, x)
}

# Exactly these keys, no more.
keys(x, names) if {
	is_object(x)
	object.keys(x) == names
}

# A list that holds something, and nothing but text.
words(x) if {
	is_array(x)
	count(x) > 0
	every word in x { text(word) }
}
