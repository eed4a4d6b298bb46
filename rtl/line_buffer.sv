// Submission lines read ahead of their execution: a few for each portal, in block memory.
//
// Contract: one write and one read a cycle; rdata_o belongs to the address of two enabled cycles
// ago (re_i = 0 holds both stages). A line is never read in the cycle of its writing.
// Cost: 512 bits x Lines (1,024 lines: 16 RAMB36).
`default_nettype none

module line_buffer #(
    parameter int unsigned Lines = 1024,
    parameter int unsigned AddrW = $clog2(Lines)
) (
    input  wire              clk_i,
    input  wire              we_i,
    input  wire  [AddrW-1:0] waddr_i,
    input  wire  [    511:0] wdata_i,
    input  wire              re_i,
    input  wire  [AddrW-1:0] raddr_i,
    output logic [    511:0] rdata_o
);

  (* ram_style = "block" *) logic [511:0] mem[Lines];
  logic [511:0] read_q;
  logic [511:0] out_q;

  assign rdata_o = out_q;

  always_ff @(posedge clk_i) begin
    if (we_i) mem[waddr_i] <= wdata_i;
    if (re_i) begin
      read_q <= mem[raddr_i];
      out_q  <= read_q;
    end
  end

endmodule

`default_nettype wire
