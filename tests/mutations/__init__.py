"""`make mutations`: takes away, one at a time, the lines that keep work from being lost or done twice, and shows that
the tests see it each time. A developer's tool: no part of `make test`."""
