# Packages rtl/ as an IP that v++ can link: Vivado's IP packager, read by gen_xo.tcl.
#
# Wants: rtl_dir, ip_dir, project_dir, part. Names, registers and parameters come from interface.tcl, which is generated.
# Not run here: that needs Vivado. tests/bitstream runs it under stubs of Vivado's commands.

source [file join [file dirname [file normalize [info script]]] interface.tcl]

proc set_up_parameter {core name value} {
  foreach parameter [list [ipx::get_user_parameters $name -of_objects $core] [ipx::get_hdl_parameters $name -of_objects $core]] {
    if {$parameter eq ""} {
      error "package_kernel: the RTL has no parameter $name"
    }
    set_property value $value $parameter
  }
}

proc add_registers {core control range registers pointers master} {
  set map [ipx::add_memory_map -quiet $control $core]
  set block [ipx::add_address_block -quiet reg0 $map]
  set_property range $range $block
  set_property width 32 $block
  foreach row $registers {
    lassign $row name address bits access description
    set register [ipx::add_register -quiet $name $block]
    set_property address_offset $address $register
    set_property size $bits $register
    set_property access $access $register
    set_property description $description $register
    if {$name in $pointers} {
      set_property value $master [ipx::add_register_parameter -quiet ASSOCIATED_BUSIF $register]
    }
  }
  set_property slave_memory_map_ref $control [ipx::get_bus_interfaces -of_objects $core $control]
}

create_project -force $kernel_name $project_dir -part $part
add_files -norecurse [lsort [glob [file join $rtl_dir *.sv]]]
set_property top $kernel_name [current_fileset]
update_compile_order -fileset sources_1

ipx::package_project -root_dir $ip_dir -vendor exalloc -library kernel -taxonomy /KernelIP -import_files -set_current false
ipx::unload_core [file join $ip_dir component.xml]
ipx::edit_ip_in_project -upgrade true -name edit -directory $ip_dir [file join $ip_dir component.xml]
set core [ipx::current_core]
set_property name $kernel_name $core
set_property version $kernel_version $core
set_property display_name "exalloc, a memory allocator" $core
ipx::infer_bus_interface ap_clk xilinx.com:signal:clock_rtl:1.0 $core
ipx::infer_bus_interface ap_rst_n xilinx.com:signal:reset_rtl:1.0 $core
ipx::infer_bus_interface interrupt xilinx.com:signal:interrupt_rtl:1.0 $core
foreach bus [concat $control_port $master_port $stream_ports] {
  ipx::associate_bus_interfaces -busif $bus -clock ap_clk $core
}
ipx::associate_bus_interfaces -clock ap_clk -reset ap_rst_n $core
foreach {name value} $parameters {
  set_up_parameter $core $name $value
}
add_registers $core $control_port $control_range $registers $pointers $master_port

set_property sdx_kernel true $core
set_property sdx_kernel_type rtl $core
set_property ipi_drc {ignore_freq_hz true} $core
set_property vitis_drc {ctrl_protocol user_managed} $core
set_property supported_families {} $core
set_property auto_family_support_level level_2 $core
set_property core_revision 1 $core
ipx::create_xgui_files $core
ipx::update_source_project_archive -component $core
ipx::update_checksums $core
ipx::check_integrity -kernel $core
ipx::save_core $core
close_project -delete
