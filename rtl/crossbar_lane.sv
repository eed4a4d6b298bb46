// The last part of the crossbar before one bank: a queue whose places are reserved two cycles
// ahead.
//
// Contract: reserve_i may be high only while room_o is; each reservation is followed by exactly one
// in_valid_i, which is always taken. The output is a registered valid/ready connection in order.
// Four places keep one transfer a cycle going with the two cycles of delay.
// Cost: 4 x Width bits of distributed memory, Width flip-flops, one LUT a bit.
`default_nettype none

module crossbar_lane #(
    parameter int unsigned Width = 8
) (
    input  wire              clk_i,
    input  wire              rst_i,
    input  wire              reserve_i,
    output logic             room_o,
    input  wire              in_valid_i,
    input  wire  [Width-1:0] in_data_i,
    output logic             out_valid_o,
    input  wire              out_ready_i,
    output logic [Width-1:0] out_data_o
);

  (* ram_style = "distributed" *) logic [Width-1:0] queue[4];
  logic [1:0] write_q;
  logic [1:0] read_q;
  logic [2:0] queued_q;  // in the queue, the output register apart
  logic [2:0] used_q;    // reserved and not yet taken by the bank
  logic [2:0] used_d;
  logic       out_free;
  logic       has;
  logic       push;

  assign has      = queued_q != 3'd0;
  assign out_free = out_ready_i || !out_valid_o;
  assign push     = in_valid_i && (has || !out_free);

  always_comb begin
    used_d = used_q;
    if (reserve_i && !(out_valid_o && out_ready_i)) begin
      used_d = used_q + 3'd1;
    end else if (!reserve_i && out_valid_o && out_ready_i) begin
      used_d = used_q - 3'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) begin
      queue[write_q] <= in_data_i;
    end
    if (out_free) begin
      out_data_o <= has ? queue[read_q] : in_data_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_i) begin
      write_q     <= '0;
      read_q      <= '0;
      queued_q    <= '0;
      used_q      <= '0;
      room_o      <= 1'b0;
      out_valid_o <= 1'b0;
    end else begin
      used_q <= used_d;
      room_o <= !used_d[2];
      if (push) begin
        write_q <= write_q + 2'd1;
      end
      if (out_free) begin
        out_valid_o <= has || in_valid_i;
        if (has) begin
          read_q <= read_q + 2'd1;
        end
      end
      if (push && !(out_free && has)) begin
        queued_q <= queued_q + 3'd1;
      end else if (!push && out_free && has) begin
        queued_q <= queued_q - 3'd1;
      end
    end
  end

endmodule

`default_nettype wire
