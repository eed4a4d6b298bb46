// Two-entry buffer that registers a valid/ready connection in both directions.
//
// Contract: a transfer happens on a side where its valid and ready are both high; order is kept;
// out_valid_o, out_data_o and in_ready_o come straight from flip-flops, so neither side's path goes
// through the other. One transfer a cycle, latency one cycle.
// Cost: 2 x Width flip-flops, one LUT a data bit.
`default_nettype none

module skid_buffer #(
    parameter int unsigned Width = 8
) (
    input  wire              clk_i,
    input  wire              rst_i,
    input  wire              in_valid_i,
    output logic             in_ready_o,
    input  wire  [Width-1:0] in_data_i,
    output logic             out_valid_o,
    input  wire              out_ready_i,
    output logic [Width-1:0] out_data_o
);

  if (Width < 1) begin : g_bad_width
    $error("skid_buffer: Width must be at least 1");
  end

  logic             out_valid_q;
  logic             skid_valid_q;
  logic             ready_q;
  logic [Width-1:0] out_q;
  logic [Width-1:0] skid_q;
  logic             take;
  logic             out_free;

  assign in_ready_o  = ready_q;
  assign out_valid_o = out_valid_q;
  assign out_data_o  = out_q;
  assign take        = in_valid_i && ready_q;
  assign out_free    = out_ready_i || !out_valid_q;

  always_ff @(posedge clk_i) begin
    // Each one LUT from in_valid_i: nothing is parked while the input is open; it is closed with
    // nothing parked only after a reset, and then the output is free.
    out_valid_q  <= !out_free || (ready_q ? in_valid_i : skid_valid_q);
    skid_valid_q <= !out_free && (skid_valid_q || in_valid_i);
    ready_q      <= out_free || !(skid_valid_q || in_valid_i);
    if (rst_i) begin
      out_valid_q  <= 1'b0;
      skid_valid_q <= 1'b0;
      ready_q      <= 1'b0;
    end
    // Data needs no reset: nothing looks at it without its valid bit. A word parked in the skid
    // register is older than anything at the input, which is closed then.
`ifdef EXALLOC_FAST_SIM
    if (out_free && (skid_valid_q || take)) begin  // not to copy what is not valid
`else
    if (out_free) begin
`endif
      out_q <= skid_valid_q ? skid_q : in_data_i;
    end
    if (take) begin
      skid_q <= in_data_i;
    end
  end

endmodule

`default_nettype wire
