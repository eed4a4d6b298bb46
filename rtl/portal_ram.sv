// One value for each portal, in distributed memory: one writer, several readers.
//
// Contract: reads are combinational. A portal's value is 0 from reset, or from clear_i, until it is
// written; so no sweep is needed and the writer keeps its port to itself. A write and a clear of
// the same portal must not fall into the same cycle.
// Cost: Reads copies of Width x NumPortals bits, and one flip-flop a portal.
`default_nettype none

module portal_ram #(
    parameter int unsigned Width      = 16,
    parameter int unsigned NumPortals = 64,
    parameter int unsigned Reads      = 1,
    parameter int unsigned PortalW    = $clog2(NumPortals)
) (
    input  wire                      clk_i,
    input  wire                      rst_i,
    input  wire                      clear_i,
    input  wire  [      PortalW-1:0] clear_idx_i,
    input  wire                      we_i,
    input  wire  [      PortalW-1:0] widx_i,
    input  wire  [        Width-1:0] wdata_i,
    input  wire  [Reads*PortalW-1:0] ridx_i,
    output logic [  Reads*Width-1:0] rdata_o
);

  (* ram_style = "distributed" *) logic [Width-1:0] mem[NumPortals];
  (* nowrshmsk *) logic [NumPortals-1:0] written_q;

  always_ff @(posedge clk_i) begin
    if (we_i) mem[widx_i] <= wdata_i;
    if (rst_i) begin
      written_q <= '0;
    end else begin
      if (we_i) written_q[widx_i] <= 1'b1;
      if (clear_i) written_q[clear_idx_i] <= 1'b0;
    end
  end

  for (genvar r = 0; r < Reads; r++) begin : g_read
    logic [PortalW-1:0] idx;
    logic [  Width-1:0] data;
    assign idx  = ridx_i[r*PortalW+:PortalW];
    assign data = mem[idx];
    assign rdata_o[r*Width+:Width] = data & {Width{written_q[idx]}};
  end

endmodule

`default_nettype wire
