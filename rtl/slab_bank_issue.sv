// slab_bank_issue: the bank's 16-entry request buffer, which can be read again from an earlier
// entry.
//
// Contract: requests leave in order. An entry stays until the execute stage commits it, so a replay
// only moves the read pointer back. Serial operations (OPEN, CLOSE, TRIM, UNLINK) enter an empty
// pipeline and have it to themselves, so nothing they change is ever forwarded.
// req_ready_o is a register. Cost: one LUT RAM of 32 rows, about 40 LUT of pointers.
`default_nettype none

module slab_bank_issue #(
  parameter int unsigned Width = 109,
  localparam int unsigned PtrW = 5
) (
  input  logic             clk_i,
  input  logic             rst_i,
  input  logic             enable_i,       // the reset sweep is done
  input  logic             req_valid_i,
  output logic             req_ready_o,
  input  logic             req_serial_i,
  input  logic [Width-1:0] req_data_i,
  output logic             issue_valid_o,
  output logic [PtrW-1:0]  issue_ptr_o,
  output logic [Width-1:0] issue_data_o,
  input  logic             pipe_busy_i,    // any operation behind the buffer not yet written back
  input  logic             commit_i,
  input  logic             replay_i,
  input  logic [PtrW-1:0]  replay_ptr_i
);
  localparam int unsigned Rows = 16;

  (* ram_style = "distributed" *) logic [Width:0] buffer [Rows];
  logic [PtrW-1:0] write_q, issue_q, used_q;
  logic hold_q, alone_q;
  logic accept, present, serial;

  assign accept = req_valid_i && req_ready_o;
  always_ff @(posedge clk_i) begin
    if (accept) buffer[write_q[PtrW-2:0]] <= {req_serial_i, req_data_i};
  end
  assign {serial, issue_data_o} = buffer[issue_q[PtrW-2:0]];

  assign present = issue_q != write_q && !hold_q && !alone_q;
  assign issue_valid_o = present && !(serial && pipe_busy_i);
  assign issue_ptr_o = issue_q;

  // One LUT a bit; + would be a carry chain behind the decision.
  function automatic logic [PtrW-1:0] next(input logic [PtrW-1:0] x);
    next = x ^ {&x[3:0], &x[2:0], &x[1:0], x[0], 1'b1};
  endfunction

  always_ff @(posedge clk_i) begin
    if (accept) write_q <= next(write_q);
    if (accept && !commit_i) used_q <= next(used_q);
    if (commit_i && !accept) used_q <= ~next(~used_q);
    // Computed from the count before this cycle's accept, and ready one cycle later: room for two.
    req_ready_o <= enable_i && used_q < PtrW'(Rows - 1);
    issue_q <= replay_i ? replay_ptr_i : issue_valid_o ? next(issue_q) : issue_q;
    // The replayed operation starts one cycle late: that makes room for three prefetches before it.
    hold_q <= replay_i;
    alone_q <= (issue_valid_o && serial) || (alone_q && pipe_busy_i);
    if (rst_i) begin
      write_q     <= '0;
      issue_q     <= '0;
      used_q      <= '0;
      hold_q      <= 1'b0;
      alone_q     <= 1'b0;
      req_ready_o <= 1'b0;
    end
`ifndef SYNTHESIS
    if (!rst_i && enable_i) assert (used_q <= PtrW'(Rows));
`endif
  end
endmodule

`default_nettype wire
