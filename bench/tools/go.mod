module bench
go 1.24
require github.com/ghostunnel/ghostunnel v1.8.4
