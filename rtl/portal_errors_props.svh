// What portal_errors promises, for scripts/prove.
//
//@ proof short induction 3 sat,pdr NumPortals=2
//@ none_lost: every error reported is still to be told, or has been told; none is told without a cause
//@ wrong: s/if \(read_fail_q\) read_q/if (read_fail_q \&\& !take) read_q/
//@ doorbell_told: a bad doorbell is told, of the portal that rang, before the next one can come
//@ wrong: s/take = pick && free && !bell_q/take = pick \&\& free/; s/if \(bell_q\) begin/if (bell_q \&\& !pick) begin/
//@ stays: what is offered stays until it is taken
//@ wrong: s/assign free = !err_valid_o \|\| err_ready_i/assign free = !err_valid_o || err_ready_i || bell_q/

(* hierconn *) logic [NumPortals-1:0] \u_picker.round_q ;
logic [NumPortals-1:0] fv_round;
assign fv_round = \u_picker.round_q ;

// A doorbell comes at most every third cycle; the error record takes what is offered in the cycle
// after (error_record, portal_first); a portal fails once before its errors are told.
logic [1:0] fv_since_q;
logic       fv_offered_q;
logic [1:0] fv_read_q, fv_write_q;      // reported and not taken
logic       fv_bell_q, fv_moved_q, fv_before_q;  // a cycle before
logic [PortalW-1:0] fv_bell_idx_q;
logic [PortalW+3:0] fv_what_q;
logic [1:0] fv_told_read, fv_told_write;
logic       fv_told;
assign fv_told = err_valid_o && err_ready_i;
always_comb begin
  for (int unsigned p = 0; p < 2; p = p + 1) begin
    fv_told_read[p]  = fv_told && 32'(err_portal_o) == p && err_status_o == exalloc_pkg::StatusBusRead;
    fv_told_write[p] = fv_told && 32'(err_portal_o) == p && err_status_o == exalloc_pkg::StatusBusWrite;
  end
end
always_ff @(posedge clk_i) begin
  fv_since_q   <= rst_i ? '0 : {fv_since_q[0], bad_doorbell_i};
  fv_offered_q <= !rst_i && err_valid_o && !err_ready_i;
  fv_before_q  <= !rst_i && err_valid_o && !err_ready_i;
  fv_what_q    <= {err_portal_o, err_status_o};
  for (int unsigned p = 0; p < 2; p = p + 1) begin
    if (rst_i || fv_told_read[p]) fv_read_q[p] <= 1'b0;
    if (!rst_i && read_fail_i && 32'(read_fail_idx_i) == p) fv_read_q[p] <= 1'b1;
    if (rst_i || fv_told_write[p]) fv_write_q[p] <= 1'b0;
    if (!rst_i && write_fail_i && 32'(write_fail_idx_i) == p) fv_write_q[p] <= 1'b1;
  end
  fv_moved_q    <= !rst_i && free;
  fv_bell_q     <= bell_q;
  fv_bell_idx_q <= bell_idx_q;
end
logic [1:0] fv_read_now, fv_write_now;  // in the output, not taken yet
logic [1:0] fv_read_new, fv_write_new;  // just come
always_comb begin
  for (int unsigned p = 0; p < 2; p = p + 1) begin
    fv_read_now[p]  = err_valid_o && 32'(err_portal_o) == p && err_status_o == exalloc_pkg::StatusBusRead;
    fv_write_now[p] = err_valid_o && 32'(err_portal_o) == p && err_status_o == exalloc_pkg::StatusBusWrite;
    fv_read_new[p]  = read_fail_q && 32'(read_fail_idx_q) == p;
    fv_write_new[p] = write_fail_q && 32'(write_fail_idx_q) == p;
  end
end
always_comb begin
  assume (!bad_doorbell_i || fv_since_q == '0);
  assume (!fv_offered_q || err_ready_i);
  assume (!read_fail_i || !fv_read_q[read_fail_idx_i]);
  assume (!write_fail_i || !fv_write_q[write_fail_idx_i]);
  if (fv_run_q) begin
    none_lost: assert (fv_read_q == (read_q | fv_read_now | fv_read_new) &&
                       fv_write_q == (write_q | fv_write_now | fv_write_new) &&
                       (read_q & fv_read_now) == '0 && (write_q & fv_write_now) == '0 &&
                       (fv_read_new & (read_q | fv_read_now)) == '0 &&
                       (fv_write_new & (write_q | fv_write_now)) == '0);
    doorbell_told: assert (!(bad_doorbell_i && bell_q && !free) &&
                           (!fv_moved_q || !fv_bell_q ||
                            (err_valid_o && err_status_o == exalloc_pkg::StatusBadDoorbell &&
                             err_portal_o == fv_bell_idx_q)));
    assert ((fv_round & ~(read_q | write_q)) == '0 && (fv_round & unused_onehot) == '0);
    assert ($onehot0(unused_onehot) && pick == (unused_onehot != '0));
    assert (!pick || (unused_onehot[pick_idx] && (read_q[pick_idx] || write_q[pick_idx])));
    stays: assert (!fv_before_q || (err_valid_o && {err_portal_o, err_status_o} == fv_what_q));
  end
end
