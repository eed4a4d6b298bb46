// Every request is committed once, in order, however often the pipeline replays, for scripts/prove.
//
//@ proof short induction 2 sat,z3 Width=2
//@ in_order: what is committed is the oldest request not yet committed, unchanged: none is lost, none committed twice
//@ wrong: s/issue_q <= replay_i \? replay_ptr_i :/issue_q <= replay_i ? next(replay_ptr_i) :/
//@ room: at most 16 requests are held, so none is overwritten
//@ wrong: s/used_q < PtrW'\(Rows - 1\)/used_q < PtrW'(Rows)/
//@ alone: a serial operation has the pipeline to itself until its writes are done
//@ wrong: s/issue_valid_o = present && !\(serial && pipe_busy_i\)/issue_valid_o = present/
//@ progress: a request that is held is issued at the latest in the second cycle in which the pipeline is empty
//@ wrong: s/alone_q <= \(issue_valid_o && serial\) \|\| \(alone_q && pipe_busy_i\)/alone_q <= (issue_valid_o \&\& serial) || alone_q/

// The pipeline behind the buffer as slab_bank builds it: count, choose, address, read, forward, execute, then two cycles of
// writing. Stage 0 is count. An operation in execute is committed or replayed; a replay cancels all behind it.
localparam int unsigned FvStages = 6;
logic [FvStages-1:0] fv_valid_q, fv_serial_q;
logic [FvStages*PtrW-1:0] fv_ptr_q;
logic [FvStages*Width-1:0] fv_data_q;
logic [1:0] fv_writing_q;
logic fv_busy_q, fv_idle_q;
(* anyseq *) logic fv_fetch;  // refetches of a replay, which also pass through the pipeline, and what the bank counts besides
(* anyseq *) logic fv_replays;
(* anyseq *) logic fv_writes;  // the operation committed writes a list state
always_ff @(posedge clk_i) begin
  fv_valid_q  <= rst_i ? '0 : replay_i ? '0 : {fv_valid_q[FvStages-2:0], issue_valid_o};
  fv_serial_q <= {fv_serial_q[FvStages-2:0], serial};
  fv_ptr_q    <= {fv_ptr_q[(FvStages-1)*PtrW-1:0], issue_ptr_o};
  fv_data_q   <= {fv_data_q[(FvStages-1)*Width-1:0], issue_data_o};
  fv_writing_q <= rst_i ? 2'b00 : {fv_writing_q[0], commit_i && fv_writes};
  fv_idle_q   <= !rst_i && !pipe_busy_i;
  fv_busy_q   <= !rst_i && ((|fv_valid_q) || (|fv_writing_q) || fv_fetch);
end
always_comb begin
  if (fv_run_q) assume (pipe_busy_i == (fv_valid_q[0] || fv_busy_q));
  if (fv_run_q) assume (replay_i == (fv_valid_q[FvStages-1] && fv_replays));
  if (fv_run_q) assume (commit_i == (fv_valid_q[FvStages-1] && !fv_replays));
  if (fv_run_q && replay_i) assume (replay_ptr_i == fv_ptr_q[(FvStages-1)*PtrW +: PtrW]);
end

// All requests accepted and not yet committed, the oldest at fv_done_q
logic [Rows*(Width+1)-1:0] fv_ring_q;
logic [PtrW-1:0] fv_taken_q, fv_done_q;
always_ff @(posedge clk_i) begin
  if (accept) fv_ring_q[fv_taken_q[PtrW-2:0]*(Width+1) +: Width+1] <= {req_serial_i, req_data_i};
  if (accept) fv_taken_q <= fv_taken_q + 1'b1;
  if (commit_i) fv_done_q <= fv_done_q + 1'b1;
  if (rst_i) {fv_taken_q, fv_done_q} <= '0;
end

logic [Width:0] fv_oldest;
logic [PtrW-1:0] fv_next, fv_held;
logic [FvStages-1:0] fv_follows, fv_single;
logic [Rows-1:0] fv_same;
logic [3:0] fv_place;
logic fv_alone;
always_comb begin
  fv_oldest = fv_ring_q[fv_done_q[PtrW-2:0]*(Width+1) +: Width+1];
  fv_held   = fv_taken_q - fv_done_q;
  // The operations in the pipeline are the oldest requests, in order.
  fv_next = fv_done_q;
  for (int unsigned i = FvStages; i > 0; i--) begin
    fv_follows[i-1] = !fv_valid_q[i-1] ||
        (fv_ptr_q[(i-1)*PtrW +: PtrW] == fv_next && fv_next != fv_taken_q &&
         {fv_serial_q[i-1], fv_data_q[(i-1)*Width +: Width]} ==
             fv_ring_q[fv_next[PtrW-2:0]*(Width+1) +: Width+1]);
    if (fv_valid_q[i-1]) fv_next = fv_next + 1'b1;
    fv_single[i-1] = !(fv_valid_q[i-1] && fv_serial_q[i-1]) ||
                     (fv_valid_q & ~(FvStages'(1) << (i - 1))) == '0;
  end
  for (int unsigned i = 0; i < Rows; i++) begin
    fv_place = 4'(i) - fv_done_q[3:0];
    fv_same[i] = {1'b0, fv_place} >= fv_held || buffer[i] == fv_ring_q[i*(Width+1) +: Width+1];
  end
  fv_alone = (fv_valid_q & fv_serial_q) != '0;
end

always_comb begin
  if (fv_run_q) begin
    in_order: assert (!commit_i || (fv_held != '0 && fv_data_q[(FvStages-1)*Width +: Width] == fv_oldest[Width-1:0]));
    room: assert (fv_held <= PtrW'(Rows) && (!req_ready_o || fv_held < PtrW'(Rows)));
    alone: assert ((&fv_single) && !(fv_alone && fv_writing_q != 2'b00));
    progress: assert (!(fv_held != '0 && fv_idle_q && !pipe_busy_i) || issue_valid_o);
    assert (&fv_follows);
    assert (&fv_same);
    assert (!fv_alone || alone_q);
    assert (!((|fv_valid_q[FvStages-1:1]) || (|fv_writing_q)) || fv_busy_q);
    assert (write_q == fv_taken_q && used_q == fv_held && issue_q == fv_next);
  end
end
