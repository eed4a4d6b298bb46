// Bound to the module under test: its counts are written when the test is done with the model.
module coverage_write;
  import "DPI-C" function void exalloc_coverage();
  final exalloc_coverage();
endmodule

bind `MODULE coverage_write u_coverage_write ();
