// slab_block_mem: a block RAM with one write and one read port, read data one cycle later.
//
// Contract: a read does not see a write of the same cycle; the reader forwards. No initial value.
// Cost: block RAM only. Users keep at most one LUT level between rd_data_o and their register.
`default_nettype none

module slab_block_mem #(
  parameter int unsigned Depth    = 256,
  parameter int unsigned Width    = 72,
  parameter bit          UseBlock = 1'b1,
  localparam int unsigned AddrW   = Depth > 1 ? $clog2(Depth) : 1
) (
  input  logic             clk_i,
  input  logic             wr_en_i,
  input  logic [AddrW-1:0] wr_addr_i,
  input  logic [Width-1:0] wr_data_i,
  input  logic [AddrW-1:0] rd_addr_i,
  output logic [Width-1:0] rd_data_o
);
  if (UseBlock) begin : gen_block
    (* ram_style = "block" *) logic [Width-1:0] mem [Depth];
    always_ff @(posedge clk_i) begin
      if (wr_en_i) mem[wr_addr_i] <= wr_data_i;
      rd_data_o <= mem[rd_addr_i];
    end
  end else begin : gen_any
    logic [Width-1:0] mem [Depth];
    always_ff @(posedge clk_i) begin
      if (wr_en_i) mem[wr_addr_i] <= wr_data_i;
      rd_data_o <= mem[rd_addr_i];
    end
  end
endmodule

`default_nettype wire
