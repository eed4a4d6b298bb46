# Stands in for Vivado: runs gen_xo.tcl with commands that only note what is asked for, and prints that, a list a line.
#     tclsh vivado_stubs.tcl GEN_XO XO WORK PART
# What an object is called is all that is known of it: "register id", "parameter ClockKhz".

proc note {args} { puts $args }

set files {}
proc create_project {args} { note project {*}$args }
proc close_project {args} {}
proc add_files {args} { note files {*}[lindex $args end] }
proc current_fileset {} { return fileset }
proc update_compile_order {args} {}
proc set_property {name value object} { note property $object $name $value }
proc package_xo {args} { note xo {*}$args }

namespace eval ipx {
  proc package_project {args} { note package {*}$args }
  proc unload_core {args} {}
  proc edit_ip_in_project {args} {}
  proc current_core {} { return core }
  proc infer_bus_interface {port kind core} { note infer $port $kind }
  proc associate_bus_interfaces {args} { note associate {*}$args }
  proc get_user_parameters {name args} { return "parameter $name" }
  proc get_hdl_parameters {name args} { return "parameter $name" }
  proc add_memory_map {args} { return "map [lindex $args end-1]" }
  proc add_address_block {args} { return "block [lindex $args end-1]" }
  proc add_register {args} { note register [lindex $args end-1]; return "register [lindex $args end-1]" }
  proc add_register_parameter {args} { return "[lindex $args end-1] of [lindex $args end]" }
  proc get_bus_interfaces {args} { return "bus [lindex $args end]" }
  foreach name {create_xgui_files update_source_project_archive update_checksums check_integrity save_core} {
    proc $name {args} {}
  }
}

set script [lindex $argv 0]
set argv [lrange $argv 1 end]
set argc [llength $argv]
source $script
