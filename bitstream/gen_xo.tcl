# Makes exalloc.xo, what v++ links.   vivado -mode batch -source gen_xo.tcl -tclargs XO WORK PART
#
# Not run here: that needs Vivado. tests/bitstream runs it under stubs of Vivado's commands.

if {[llength $argv] != 3} {
  puts stderr "usage: vivado -mode batch -source gen_xo.tcl -tclargs XO WORK PART"
  exit 2
}
lassign $argv xo work part
set here [file dirname [file normalize [info script]]]
set rtl_dir [file join $here .. rtl]
set ip_dir [file join $work ip]
set project_dir [file join $work project]
file mkdir $work
file delete -force $ip_dir $project_dir $xo

source [file join $here package_kernel.tcl]

package_xo -force -xo_path $xo -kernel_name $kernel_name -ctrl_protocol user_managed -ip_directory $ip_dir \
  -kernel_xml [file join $here kernel.xml]
