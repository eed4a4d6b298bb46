// Holds what the portal side has to report until the error record takes it.
//
// Contract: a bad doorbell is a pulse at least 3 cycles after the one before, and the error record
// takes a report within that time; bus errors are kept as one bit a portal and direction, so none
// is lost.
// Cost: 2 flip-flops a portal and a search.
`default_nettype none

module portal_errors #(
    parameter int unsigned NumPortals = 64,
    parameter int unsigned PortalW    = $clog2(NumPortals)
) (
    input  wire                clk_i,
    input  wire                rst_i,
    input  wire                bad_doorbell_i,
    input  wire  [PortalW-1:0] bad_doorbell_idx_i,
    input  wire                read_fail_i,
    input  wire  [PortalW-1:0] read_fail_idx_i,
    input  wire                write_fail_i,
    input  wire  [PortalW-1:0] write_fail_idx_i,
    output logic               err_valid_o,
    input  wire                err_ready_i,
    output logic [        3:0] err_status_o,
    output logic [PortalW-1:0] err_portal_o
);

  (* nowrshmsk *) logic [NumPortals-1:0] read_q, write_q;
  logic [NumPortals-1:0] unused_onehot;
  logic                  bell_q, pick, free, take;
  logic                  read_fail_q, write_fail_q;  // a cycle after it came: far from the table
  logic [   PortalW-1:0] read_fail_idx_q, write_fail_idx_q;
  logic [   PortalW-1:0] bell_idx_q, pick_idx;

  portal_picker #(.NumPortals(NumPortals)) u_picker (
      .clk_i, .rst_i, .req_i(read_q | write_q), .advance_i(!pick || take),
      .pick_o(pick), .idx_o(pick_idx), .onehot_o(unused_onehot));

  assign free = !err_valid_o || err_ready_i;
  assign take = pick && free && !bell_q;

  always_ff @(posedge clk_i) begin
    if (free) begin
      err_valid_o <= bell_q || pick;
      if (bell_q) begin
        err_status_o <= exalloc_pkg::StatusBadDoorbell;
        err_portal_o <= bell_idx_q;
      end else begin
        err_status_o <= read_q[pick_idx] ? exalloc_pkg::StatusBusRead : exalloc_pkg::StatusBusWrite;
        err_portal_o <= pick_idx;
      end
      bell_q <= 1'b0;
    end
    if (take) begin
      if (read_q[pick_idx]) read_q[pick_idx] <= 1'b0;
      else write_q[pick_idx] <= 1'b0;
    end
    if (bad_doorbell_i) begin
      bell_q     <= 1'b1;
      bell_idx_q <= bad_doorbell_idx_i;
    end
    read_fail_q      <= read_fail_i;
    read_fail_idx_q  <= read_fail_idx_i;
    write_fail_q     <= write_fail_i;
    write_fail_idx_q <= write_fail_idx_i;
    if (read_fail_q) read_q[read_fail_idx_q] <= 1'b1;
    if (write_fail_q) write_q[write_fail_idx_q] <= 1'b1;
    if (rst_i) begin
      err_valid_o  <= 1'b0;
      bell_q       <= 1'b0;
      read_fail_q  <= 1'b0;
      write_fail_q <= 1'b0;
      read_q       <= '0;
      write_q      <= '0;
    end
  end

endmodule

`default_nettype wire
